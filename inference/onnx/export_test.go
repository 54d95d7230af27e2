package onnx

import (
	"errors"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/ingest"
)

// GridMask returns the mask of one stream as it would be sent.
func GridMask(m *model.Manifest, modality ingest.Modality, w *features.Window) []float32 {
	g := newGrid(m)
	r, err := g.row(w)
	if err != nil {
		return nil
	}
	r.window = w
	mask := make([]float32, r.length[modality])
	g.fill(modality, &r, make([]float32, len(mask)*g[modality].width), mask)
	return mask
}

// RunRaw returns a function that runs the fusion net on what the last Predict
// has bound, and nothing else: what ONNX Runtime itself costs.
func (p *Predictor) RunRaw() (run func() error, done func(), err error) {
	s, err := p.net.acquire()
	if err != nil {
		return nil, nil, err
	}
	return s.run, func() { p.net.release(s) }, nil
}

// RunTensors runs the fusion net on tensors as they are and returns what this
// package reads of it, by the names of the outputs.
func (p *Predictor) RunTensors(batch int, lengths [ingest.NumModalities]int, values, masks [ingest.NumModalities][]float32, present, before, seconds []float32) (map[string][]float32, error) {
	s, err := p.net.acquire()
	if err != nil {
		return nil, err
	}
	defer p.net.release(s)
	feed := func(t *tensor[float32], length int, data []float32) error {
		into, err := t.use(extent{batch: batch, length: length})
		copy(into, data)
		return err
	}
	errs := []error{
		feed(s.view.present, 0, present),
		feed(s.view.before, 0, before),
		feed(s.view.beforeSeconds, 0, seconds),
		s.view.out.use(extent{batch: batch, length: lengths[ingest.Text]}),
	}
	for m := range lengths {
		errs = append(errs, feed(s.view.values[m], lengths[m], values[m]), feed(s.view.masks[m], lengths[m], masks[m]))
	}
	if err := errors.Join(append(errs, s.run())...); err != nil {
		return nil, err
	}
	o := &s.view.out
	results := map[string][]float32{}
	for _, t := range []*tensor[float32]{o.score, o.probabilities, o.streams, o.gate, o.logB, o.attention} {
		results[t.name] = append([]float32(nil), t.data[:t.size(t.bound)]...)
	}
	return results, nil
}
