package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Tensor is the name, the type and the shape of one input or output of a graph.
type Tensor struct {
	Name  string `json:"name"`
	DType string `json:"dtype"` // as numpy spells it: float32, int64
	Shape []Dim  `json:"shape"`
}

// String spells a tensor as messages show it: "text float32 [B, Lt, 384]".
func (t Tensor) String() string {
	dims := make([]string, len(t.Shape))
	for i, d := range t.Shape {
		dims[i] = d.String()
	}
	return t.Name + " " + t.DType + " [" + strings.Join(dims, ", ") + "]"
}

// Dim is one axis of a Tensor: a fixed Size, or a name for an axis whose size
// is chosen at each run (Size 0).
type Dim struct {
	Size int64
	Name string
}

// String returns the size, the name, or "?".
func (d Dim) String() string {
	switch {
	case d.Size > 0:
		return strconv.FormatInt(d.Size, 10)
	case d.Name != "":
		return d.Name
	default:
		return "?"
	}
}

// MarshalJSON writes a number for a fixed axis and a string for a dynamic one.
func (d Dim) MarshalJSON() ([]byte, error) {
	if d.Size > 0 {
		return json.Marshal(d.Size)
	}
	return json.Marshal(d.Name)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Dim) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &d.Name) == nil && d.Name != "" {
		return nil
	}
	if err := json.Unmarshal(data, &d.Size); err != nil || d.Size < 1 {
		return errors.New("an axis is a number of at least 1 or a name")
	}
	return nil
}

// Signature is what a graph takes and gives.
type Signature struct {
	Inputs, Outputs []Tensor
}

// Has says whether a graph of this signature can be run with the inputs of
// want and gives the outputs of want. It must take no other input. Where the
// graph leaves an axis open, want may fix it, never the other way round: the
// caller would send or expect a size that the graph does not have.
func (s Signature) Has(want Signature) error {
	for _, w := range want.Inputs {
		if err := fits(s.Inputs, w); err != nil {
			return fmt.Errorf("%w: input %w", ErrGraph, err)
		}
	}
	for _, in := range s.Inputs {
		if _, ok := find(want.Inputs, in.Name); !ok {
			return fmt.Errorf("%w: it also asks for the input %s", ErrGraph, in)
		}
	}
	for _, w := range want.Outputs {
		if err := fits(s.Outputs, w); err != nil {
			return fmt.Errorf("%w: output %w", ErrOutput, err)
		}
	}
	return nil
}

func fits(have []Tensor, want Tensor) error {
	got, ok := find(have, want.Name)
	if !ok {
		return fmt.Errorf("%s is not there, only %s", want, list(have))
	}
	same := got.DType == want.DType && len(got.Shape) == len(want.Shape)
	for i := 0; same && i < len(want.Shape); i++ {
		same = got.Shape[i].Size == 0 || got.Shape[i].Size == want.Shape[i].Size
	}
	if !same {
		return fmt.Errorf("%s is %s", want, got)
	}
	return nil
}

func find(tensors []Tensor, name string) (Tensor, bool) {
	i := slices.IndexFunc(tensors, func(t Tensor) bool { return t.Name == name })
	if i < 0 {
		return Tensor{}, false
	}
	return tensors[i], true
}

func list(tensors []Tensor) string {
	names := make([]string, len(tensors))
	for i, t := range tensors {
		names[i] = t.Name
	}
	return strings.Join(names, ", ")
}
