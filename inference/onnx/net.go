package onnx

import (
	"errors"
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/valence-live/valence/inference/model"
)

// net is a loaded network and its idle sets of tensors. S is the typed view of
// a set that the owner of the network works with.
type net[S any] struct {
	name    string
	session *ort.DynamicAdvancedSession
	wrap    func(*tensors) S

	// running is held for reading while a set is out, so that closing waits.
	running sync.RWMutex
	closed  bool

	mu   sync.Mutex
	idle []set[S]
}

// set is the tensors of one run at a time.
type set[S any] struct {
	*tensors
	view S
}

// tensors are bound to one session; input and output add to them.
type tensors struct {
	session *ort.DynamicAdvancedSession
	binding *ort.IoBinding
	closers []func() error
}

// input adds an input of the network.
func input[T ort.TensorData](t *tensors, name string, dims ...int64) *tensor[T] {
	x := &tensor[T]{name: name, dims: dims, bind: t.binding.BindInput}
	t.closers = append(t.closers, x.close)
	return x
}

// output adds an output of the network; outputs that are not added are not
// computed.
func output(t *tensors, name string, dims ...int64) *tensor[float32] {
	x := &tensor[float32]{name: name, dims: dims, bind: t.binding.BindOutput}
	t.closers = append(t.closers, x.close)
	return x
}

// run runs the network on what is bound.
func (t *tensors) run() error {
	if err := t.session.RunWithBinding(t.binding); err != nil {
		return fmt.Errorf("%w: %w", ErrRun, err)
	}
	return nil
}

func (t *tensors) close() error {
	var errs []error
	for _, closer := range t.closers {
		errs = append(errs, closer())
	}
	return errors.Join(append(errs, t.binding.Destroy())...)
}

// open loads a network whose file must have the signature want, and gives it
// to r to be closed. wrap declares the tensors of a run. Errors wrap ErrNet.
func open[S any](r *Runtime, name string, file []byte, want model.Signature, wrap func(*tensors) S) (*net[S], error) {
	got, err := model.ParseSignature(file)
	if err == nil {
		err = got.Has(want)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNet, name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.closers) == 0 {
		return nil, fmt.Errorf("%w: load %s", ErrClosed, name)
	}
	session, err := newSession(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNet, name, err)
	}
	n := &net[S]{name: name, session: session, wrap: wrap}
	r.closers = append(r.closers, n.close)
	return n, nil
}

func newSession(file []byte) (session *ort.DynamicAdvancedSession, err error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, options.Destroy()) }()
	if err := errors.Join(
		options.SetIntraOpNumThreads(1),
		options.SetInterOpNumThreads(1),
		options.SetExecutionMode(ort.ExecutionModeSequential),
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		// A memory pattern is kept for each combination of lengths ever seen.
		options.SetMemPattern(false),
	); err != nil {
		return nil, err
	}
	return ort.NewDynamicAdvancedSessionWithONNXData(file, nil, nil, options)
}

// acquire returns a set that nobody else uses; release gives it back.
func (n *net[S]) acquire() (set[S], error) {
	n.running.RLock()
	if n.closed {
		n.running.RUnlock()
		return set[S]{}, fmt.Errorf("%w: run %s", ErrClosed, n.name)
	}
	n.mu.Lock()
	if last := len(n.idle) - 1; last >= 0 {
		s := n.idle[last]
		n.idle = n.idle[:last]
		n.mu.Unlock()
		return s, nil
	}
	n.mu.Unlock()
	binding, err := n.session.CreateIoBinding()
	if err != nil {
		n.running.RUnlock()
		return set[S]{}, fmt.Errorf("%w: %s: %w", ErrRun, n.name, err)
	}
	t := &tensors{session: n.session, binding: binding}
	return set[S]{tensors: t, view: n.wrap(t)}, nil
}

func (n *net[S]) release(s set[S]) {
	n.mu.Lock()
	n.idle = append(n.idle, s)
	n.mu.Unlock()
	n.running.RUnlock()
}

// close waits until all sets are back, then frees them and the session.
func (n *net[S]) close() error {
	n.running.Lock()
	defer n.running.Unlock()
	n.closed = true
	var errs []error
	for _, s := range n.idle {
		errs = append(errs, s.close())
	}
	n.idle = nil
	return errors.Join(append(errs, n.session.Destroy())...)
}

// finite reports whether all numbers are: x * 0 is NaN for NaN and infinities.
func finite(numbers []float32) bool {
	var sum float32
	for _, x := range numbers {
		sum += x * 0
	}
	return sum == 0
}
