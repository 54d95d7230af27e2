package model

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto3 (ONNX IR, "Model", "Graph", "ValueInfo").
const (
	modelGraph       protowire.Number = 7
	graphInitializer protowire.Number = 5
	graphInput       protowire.Number = 11
	graphOutput      protowire.Number = 12
	tensorName       protowire.Number = 8 // of an initializer
	valueName        protowire.Number = 1
	valueType        protowire.Number = 2
	typeTensor       protowire.Number = 1
	tensorElem       protowire.Number = 1
	tensorShape      protowire.Number = 2
	shapeDim         protowire.Number = 1
	dimValue         protowire.Number = 1
	dimParam         protowire.Number = 2
)

// dtypes are the element types that our graphs use (onnx.TensorProto.DataType).
var dtypes = map[uint64]string{1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}

// ParseSignature reads the inputs and outputs out of an ONNX file. It needs no
// runtime and touches neither nodes nor weights, so that a bundle is checked
// in microseconds. Its errors wrap ErrGraph.
func ParseSignature(onnx []byte) (Signature, error) {
	var (
		s        Signature
		constant = map[string]bool{} // before IR version 4 the weights are inputs, too
		graphs   int
	)
	err := fields(onnx, func(number protowire.Number, graph []byte, _ uint64) error {
		if number != modelGraph || graph == nil {
			return nil
		}
		graphs++
		return fields(graph, func(number protowire.Number, value []byte, _ uint64) error {
			switch number {
			case graphInitializer:
				name, err := text(value, tensorName)
				constant[name] = true
				return err
			case graphInput:
				t, err := valueInfo(value)
				s.Inputs = append(s.Inputs, t)
				return err
			case graphOutput:
				t, err := valueInfo(value)
				s.Outputs = append(s.Outputs, t)
				return err
			default:
				return nil
			}
		})
	})
	switch {
	case err != nil:
		return Signature{}, fmt.Errorf("%w: this is not an ONNX file: %w", ErrGraph, err)
	case graphs != 1 || len(s.Outputs) == 0:
		return Signature{}, fmt.Errorf("%w: this is not an ONNX file: no graph with outputs in it", ErrGraph)
	}
	inputs := s.Inputs[:0]
	for _, t := range s.Inputs {
		if !constant[t.Name] {
			inputs = append(inputs, t)
		}
	}
	s.Inputs = inputs
	return s, nil
}

func valueInfo(message []byte) (Tensor, error) {
	var t Tensor
	err := fields(message, func(number protowire.Number, value []byte, _ uint64) error {
		switch number {
		case valueName:
			t.Name = string(value)
			return nil
		case valueType:
			return fields(value, func(number protowire.Number, value []byte, _ uint64) error {
				if number != typeTensor {
					return nil
				}
				return tensorType(value, &t)
			})
		default:
			return nil
		}
	})
	return t, err
}

func tensorType(message []byte, t *Tensor) error {
	return fields(message, func(number protowire.Number, value []byte, integer uint64) error {
		switch number {
		case tensorElem:
			t.DType = dtypes[integer]
			if t.DType == "" {
				t.DType = fmt.Sprintf("onnx-type-%d", integer)
			}
			return nil
		case tensorShape:
			return fields(value, func(number protowire.Number, value []byte, _ uint64) error {
				if number != shapeDim {
					return nil
				}
				var d Dim
				err := fields(value, func(number protowire.Number, value []byte, integer uint64) error {
					switch number {
					case dimValue:
						d.Size = max(0, int64(integer)) //nolint:gosec // a negative size means unknown, as 0 does
					case dimParam:
						d.Name = string(value)
					default:
					}
					return nil
				})
				t.Shape = append(t.Shape, d)
				return err
			})
		default:
			return nil
		}
	})
}

// text returns the one string field of a message that has the number.
func text(message []byte, want protowire.Number) (string, error) {
	var s string
	err := fields(message, func(number protowire.Number, value []byte, _ uint64) error {
		if number == want {
			s = string(value)
		}
		return nil
	})
	return s, err
}

// fields calls f for each field of a message: with its bytes (never nil) if it
// has a length, with its value if it is a varint.
func fields(message []byte, f func(number protowire.Number, value []byte, integer uint64) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var (
			value   []byte
			integer uint64
		)
		switch kind {
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			integer, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		if err := f(number, value, integer); err != nil {
			return err
		}
		message = message[n:]
	}
	return nil
}
