package onnx

import (
	"fmt"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/model"
)

// MaxTokens is the longest sequence that the text encoder takes, with [CLS] and
// [SEP].
const MaxTokens = 128

// TextEncoder is the text encoder of a bundle.
type TextEncoder struct {
	net   *net[*textTensors]
	width int
}

var _ features.TextEncoder = (*TextEncoder)(nil)

type textTensors struct {
	ids     *tensor[int64]
	vectors *tensor[float32]
}

// TextEncoder loads a text encoder from the content of its ONNX file, whose
// vectors have width numbers. Its errors wrap ErrNet.
//
// It always runs one sequence, without padding: what an int8 graph computes for
// one sequence depends on what else is in the batch.
func (r *Runtime) TextEncoder(file []byte, width int) (*TextEncoder, error) {
	one, length := model.Dim{Size: 1}, model.Dim{Name: "L"}
	want := model.Signature{
		Inputs:  []model.Tensor{{Name: "input_ids", DType: "int64", Shape: []model.Dim{one, length}}},
		Outputs: []model.Tensor{{Name: "token_vectors", DType: "float32", Shape: []model.Dim{one, length, {Size: int64(width)}}}},
	}
	n, err := open(r, model.TextFile, file, want, func(t *tensors) *textTensors {
		return &textTensors{
			ids:     input[int64](t, "input_ids", 1, lengthAxis),
			vectors: output(t, "token_vectors", 1, lengthAxis, int64(width)),
		}
	})
	if err != nil {
		return nil, err
	}
	return &TextEncoder{net: n, width: width}, nil
}

// EncodeTokens encodes 1 to MaxTokens ids and writes one vector for each into
// vectors, which must have room for them. Its errors wrap ErrInput, ErrRun,
// ErrOutput or ErrClosed.
func (e *TextEncoder) EncodeTokens(ids []int64, vectors []float32) error {
	switch {
	case len(ids) < 1 || len(ids) > MaxTokens:
		return fmt.Errorf("%w: %d tokens, the text encoder takes 1 to %d", ErrInput, len(ids), MaxTokens)
	case len(vectors) < len(ids)*e.width:
		return fmt.Errorf("%w: room for %d numbers, %d tokens give %d", ErrInput, len(vectors), len(ids), len(ids)*e.width)
	}
	s, err := e.net.acquire()
	if err != nil {
		return err
	}
	defer e.net.release(s)
	size := extent{length: len(ids)}
	in, err := s.view.ids.use(size)
	if err != nil {
		return err
	}
	out, err := s.view.vectors.use(size)
	if err != nil {
		return err
	}
	copy(in, ids)
	if err := s.run(); err != nil {
		return fmt.Errorf("encode %d tokens: %w", len(ids), err)
	}
	if !finite(out) {
		return fmt.Errorf("%w: the vectors of %d tokens are not all finite", ErrOutput, len(ids))
	}
	copy(vectors, out)
	return nil
}
