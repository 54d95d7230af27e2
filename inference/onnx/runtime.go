// Package onnx runs the networks of a bundle on ONNX Runtime: the encoders that
// features asks for, and the fusion net as an inference.Predictor. It is the
// only importer of onnxruntime_go and the only place that loads its library.
//
// A Runtime owns everything in C: sessions, tensors and bindings live until its
// Close. What it gives out may be called from several goroutines; each call
// takes a set of tensors that nobody else uses, pinned and reused, so that a
// call allocates nothing in Go once there are as many sets as callers.
//
// Every network runs on the one thread that calls it: with more, an item costs
// more CPU, and there are other items to score.
package onnx

import (
	"errors"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// Config says where the library is and which intervals are wanted.
type Config struct {
	// Library is the path of ONNX Runtime's shared library; empty looks beside
	// the program, then in the cache.
	Library string
	// Level is the probability with which the truth lies in a Score's interval;
	// the bundle must be calibrated for it. 0 takes DefaultLevel.
	Level float64
}

// DefaultLevel is the level of intervals unless another one is asked for.
const DefaultLevel = 0.9

// Runtime is a loaded ONNX Runtime and the networks that were opened on it. Its
// methods may be called from several goroutines.
type Runtime struct {
	level   float64
	version string

	mu      sync.Mutex
	closers []func() error // in the order of opening; empty once closed
}

// Open loads the shared library. Its errors wrap ErrLibrary. Several Runtimes
// of one process share the library. Close must be called.
func Open(cfg Config) (*Runtime, error) {
	if cfg.Level == 0 {
		cfg.Level = DefaultLevel
	}
	if err := acquireLibrary(cfg.Library); err != nil {
		return nil, err
	}
	return &Runtime{level: cfg.Level, version: ort.GetVersion(), closers: []func() error{releaseLibrary}}, nil
}

// Version returns the version of the library that was loaded.
func (r *Runtime) Version() string { return r.version }

// Close waits for the calls that are running, then frees everything that was
// opened on the Runtime. Calls after it return ErrClosed. It may be called
// twice.
func (r *Runtime) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, closer := range slices.Backward(r.closers) {
		errs = append(errs, closer())
	}
	r.closers = nil
	return errors.Join(errs...)
}
