package onnx

import "errors"

// What can go wrong. Each error of this package wraps one of these.
var (
	// ErrLibrary says that the shared library of ONNX Runtime cannot be loaded.
	ErrLibrary = errors.New("no ONNX Runtime")
	// ErrNet says that a network cannot be loaded.
	ErrNet = errors.New("unusable network")
	// ErrRun says that ONNX Runtime failed while it ran a network.
	ErrRun = errors.New("network failed")
	// ErrInput says that the caller gave something of a size that the network
	// does not take.
	ErrInput = errors.New("wrong input")
	// ErrOutput says that a network gave something that is not a score: NaN, an
	// infinity, probabilities that do not sum to 1.
	ErrOutput = errors.New("impossible output")
	// ErrEmpty says that a window has no stream with usable data: there is
	// nothing to score.
	ErrEmpty = errors.New("empty window")
	// ErrClosed says that the Runtime was closed.
	ErrClosed = errors.New("runtime closed")
)
