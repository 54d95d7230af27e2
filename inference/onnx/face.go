package onnx

import (
	"fmt"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/model"
)

// Sizes of the face encoder (see features.FaceEncoder).
const (
	cropSide  = 48
	faceWidth = 64
)

// FaceEncoder is the face network of a bundle.
type FaceEncoder struct{ net *net[*faceTensors] }

var _ features.FaceEncoder = (*FaceEncoder)(nil)

type faceTensors struct{ crop, embedding *tensor[float32] }

// FaceEncoder loads a face network from the content of its ONNX file. Its
// errors wrap ErrNet.
func (r *Runtime) FaceEncoder(file []byte) (*FaceEncoder, error) {
	crop := []model.Dim{{Size: 1}, {Size: 1}, {Size: cropSide}, {Size: cropSide}}
	want := model.Signature{
		Inputs:  []model.Tensor{{Name: "face", DType: "float32", Shape: crop}},
		Outputs: []model.Tensor{{Name: "embedding", DType: "float32", Shape: []model.Dim{{Size: 1}, {Size: faceWidth}}}},
	}
	n, err := open(r, model.FaceFile, file, want, func(t *tensors) *faceTensors {
		return &faceTensors{
			crop:      input[float32](t, "face", 1, 1, cropSide, cropSide),
			embedding: output(t, "embedding", 1, faceWidth),
		}
	})
	if err != nil {
		return nil, err
	}
	return &FaceEncoder{net: n}, nil
}

// EncodeFace does what features.FaceEncoder asks for. Its errors wrap ErrInput,
// ErrRun, ErrOutput or ErrClosed.
func (e *FaceEncoder) EncodeFace(crop, embedding []float32) error {
	if len(crop) != cropSide*cropSide || len(embedding) != faceWidth {
		return fmt.Errorf("%w: a crop of %d numbers into %d, the face network makes %d out of %d", ErrInput, len(crop), len(embedding), faceWidth, cropSide*cropSide)
	}
	s, err := e.net.acquire()
	if err != nil {
		return err
	}
	defer e.net.release(s)
	in, err := s.view.crop.use(extent{batch: 1})
	if err != nil {
		return err
	}
	out, err := s.view.embedding.use(extent{batch: 1})
	if err != nil {
		return err
	}
	copy(in, crop)
	if err := s.run(); err != nil {
		return fmt.Errorf("encode a face: %w", err)
	}
	if !finite(out) {
		return fmt.Errorf("%w: the embedding of a face is not finite", ErrOutput)
	}
	copy(embedding, out)
	return nil
}
