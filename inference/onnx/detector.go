package onnx

import (
	"fmt"
	"slices"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/model"
)

// Sizes of BlazeFace for the front camera (Bazarevsky et al. 2019,
// arXiv:1907.05047): 16x16 cells with 2 anchors each, then 8x8 with 6.
const (
	pictureSide  = 128
	fineAnchors  = 16 * 16 * 2
	roughAnchors = 8 * 8 * 6
	allAnchors   = fineAnchors + roughAnchors
	boxWidth     = 16
)

// FaceDetector is the face detector of a bundle.
type FaceDetector struct{ net *net[*detectorTensors] }

var _ features.FaceDetector = (*FaceDetector)(nil)

// detectorTensors: the fine anchors come first.
type detectorTensors struct {
	picture       *tensor[float32]
	boxes, logits [2]*tensor[float32]
}

// FaceDetector loads a BlazeFace network from the content of its ONNX file. Its
// outputs are told apart by their shapes: the converter has numbered them. Its
// errors wrap ErrNet.
func (r *Runtime) FaceDetector(file []byte) (*FaceDetector, error) {
	signature, err := model.ParseSignature(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNet, model.DetectorFile, err)
	}
	var want model.Signature
	named := func(have []model.Tensor, sizes ...int64) (string, model.Tensor) {
		t := model.Tensor{Name: fmt.Sprintf("of shape %v", sizes), DType: "float32"}
		for _, size := range sizes {
			t.Shape = append(t.Shape, model.Dim{Size: size})
		}
		if i := slices.IndexFunc(have, func(h model.Tensor) bool { return slices.Equal(h.Shape, t.Shape) }); i >= 0 {
			t.Name = have[i].Name
		}
		return t.Name, t
	}
	add := func(have []model.Tensor, to *[]model.Tensor, sizes ...int64) string {
		name, t := named(have, sizes...)
		*to = append(*to, t)
		return name
	}
	picture := add(signature.Inputs, &want.Inputs, 1, pictureSide, pictureSide, 3)
	var boxes, logits [2]string
	anchors := [2]int64{fineAnchors, roughAnchors}
	for i, n := range anchors {
		boxes[i] = add(signature.Outputs, &want.Outputs, 1, n, boxWidth)
		logits[i] = add(signature.Outputs, &want.Outputs, 1, n, 1)
	}
	n, err := open(r, model.DetectorFile, file, want, func(t *tensors) *detectorTensors {
		d := &detectorTensors{picture: input[float32](t, picture, 1, pictureSide, pictureSide, 3)}
		for i, n := range anchors {
			d.boxes[i] = output(t, boxes[i], 1, n, boxWidth)
			d.logits[i] = output(t, logits[i], 1, n, 1)
		}
		return d
	})
	if err != nil {
		return nil, err
	}
	return &FaceDetector{net: n}, nil
}

// DetectFaces does what features.FaceDetector asks for. Its errors wrap
// ErrInput, ErrRun, ErrOutput or ErrClosed.
func (d *FaceDetector) DetectFaces(rgb, boxes, logits []float32) error {
	if len(rgb) != pictureSide*pictureSide*3 || len(boxes) != allAnchors*boxWidth || len(logits) != allAnchors {
		return fmt.Errorf("%w: a picture of %d numbers into %d and %d, the face detector makes %d and %d out of %d",
			ErrInput, len(rgb), len(boxes), len(logits), allAnchors*boxWidth, allAnchors, pictureSide*pictureSide*3)
	}
	s, err := d.net.acquire()
	if err != nil {
		return err
	}
	defer d.net.release(s)
	in, err := s.view.picture.use(extent{batch: 1})
	if err != nil {
		return err
	}
	var outputs [2][2][]float32
	for i := range outputs {
		if outputs[i][0], err = s.view.boxes[i].use(extent{batch: 1}); err != nil {
			return err
		}
		if outputs[i][1], err = s.view.logits[i].use(extent{batch: 1}); err != nil {
			return err
		}
	}
	copy(in, rgb)
	if err := s.run(); err != nil {
		return fmt.Errorf("detect faces: %w", err)
	}
	copy(boxes[copy(boxes, outputs[0][0]):], outputs[1][0])
	copy(logits[copy(logits, outputs[0][1]):], outputs[1][1])
	if !finite(boxes) || !finite(logits) {
		return fmt.Errorf("%w: boxes or logits of the face detector are not finite", ErrOutput)
	}
	return nil
}
