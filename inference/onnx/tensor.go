package onnx

import (
	"fmt"
	"runtime"

	ort "github.com/yalue/onnxruntime_go"
)

// Axes of a tensor whose size is chosen at each run.
const (
	batchAxis  = -1
	lengthAxis = -2
)

// extent is a choice of those sizes.
type extent struct{ batch, length int }

// tensor is one input or output of a network: memory that does not move, and an
// ONNX Runtime value over it for each extent in which it was used. A value
// costs some hundred bytes and there are few extents, so they are kept: a run
// with known extents allocates nothing.
type tensor[T ort.TensorData] struct {
	name string
	dims []int64 // fixed sizes, batchAxis, lengthAxis
	bind func(name string, v ort.Value) error

	data   []T
	pin    runtime.Pinner // ONNX Runtime keeps the address of data
	values map[extent]*value
	bound  extent
}

// value hands out its internals without the allocation that a Tensor makes.
type value struct {
	ort.Value
	internals *ort.ValueInternalData
}

// GetInternals is what a binding asks for.
func (v *value) GetInternals() *ort.ValueInternalData { return v.internals }

// use binds the tensor with the extent e and returns its elements, which hold
// whatever was in them before.
func (t *tensor[T]) use(e extent) ([]T, error) {
	size := t.size(e)
	if size > len(t.data) {
		if err := t.grow(size); err != nil {
			return nil, err
		}
	}
	if t.bound != e {
		if err := t.rebind(e); err != nil {
			return nil, fmt.Errorf("%w: bind %s %v: %w", ErrRun, t.name, t.shape(e), err)
		}
	}
	return t.data[:size], nil
}

func (t *tensor[T]) rebind(e extent) error {
	v := t.values[e]
	if v == nil {
		made, err := ort.NewTensor(t.shape(e), t.data)
		if err != nil {
			return err
		}
		v = &value{Value: made, internals: made.GetInternals()}
		t.values[e] = v
	}
	t.bound = extent{}
	if err := t.bind(t.name, v); err != nil {
		return err
	}
	t.bound = e
	return nil
}

// grow moves the tensor to larger memory; the binding's last value must not be
// used before the next use.
func (t *tensor[T]) grow(size int) error {
	if err := t.close(); err != nil {
		return err
	}
	t.data = make([]T, size)
	t.pin.Pin(&t.data[0])
	t.values = map[extent]*value{}
	return nil
}

func (t *tensor[T]) shape(e extent) ort.Shape {
	shape := make(ort.Shape, len(t.dims))
	for i, d := range t.dims {
		shape[i] = dim(d, e)
	}
	return shape
}

func (t *tensor[T]) size(e extent) int {
	size := int64(1)
	for _, d := range t.dims {
		size *= dim(d, e)
	}
	return int(size)
}

func dim(d int64, e extent) int64 {
	switch d {
	case batchAxis:
		return int64(e.batch)
	case lengthAxis:
		return int64(e.length)
	default:
		return d
	}
}

// close frees the values and lets the memory go.
func (t *tensor[T]) close() error {
	var failed error
	for _, v := range t.values {
		if err := v.Destroy(); err != nil {
			failed = fmt.Errorf("%w: free %s: %w", ErrRun, t.name, err)
		}
	}
	t.pin.Unpin()
	t.data, t.values, t.bound = nil, nil, extent{}
	return failed
}
