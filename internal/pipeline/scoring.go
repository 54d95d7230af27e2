package pipeline

import (
	"context"
	"errors"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/inference/batch"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/inference/onnx"
)

// scoring is the part of an Engine that another model can take the place of.
type scoring struct {
	bundle  *model.Bundle
	runtime *onnx.Runtime
	batcher *batch.Batcher
}

// open loads the fusion net of a bundle whose features are those of the Engine.
func (e *Engine) open(bundle *model.Bundle) (_ *scoring, err error) {
	if err = bundle.Implements(e.extractors.Contract()); err != nil {
		return nil, err
	}
	s := &scoring{bundle: bundle}
	if s.runtime, err = onnx.Open(onnx.Config{Library: e.cfg.Library}); err != nil {
		return nil, err
	}
	predictor, err := s.runtime.Predictor(bundle)
	if err == nil {
		s.batcher, err = batch.New(e.cfg.Batch, e.set, predictor)
	}
	if err != nil {
		return nil, errors.Join(err, s.runtime.Close())
	}
	return s, nil
}

func (s *scoring) close(ctx context.Context) error {
	return errors.Join(s.batcher.Shutdown(ctx), s.runtime.Close())
}

// Reload reads the configured bundle again and lets it take the place of the
// model, between two windows: none is lost and none waits for longer than a
// window takes. A bundle that follows another contract, or is broken, is refused
// and the model stays. ctx bounds how long windows are waited for that the old
// model still scores. Not to be called twice at once.
func (e *Engine) Reload(ctx context.Context) error {
	files, err := Bundle(e.cfg)
	if err != nil {
		return err
	}
	bundle, err := model.Open(files)
	if err != nil {
		return err
	}
	next, err := e.open(bundle)
	if err != nil {
		return err
	}
	return e.scoring.Swap(next).close(ctx)
}

// Score scores one window. It blocks while all workers are busy.
func (e *Engine) Score(ctx context.Context, w *features.Window) (inference.Score, error) {
	for {
		s := e.scoring.Load()
		score, err := s.batcher.Score(ctx, w)
		if errors.Is(err, batch.ErrClosed) && e.scoring.Load() != s {
			continue // another model has taken its place
		}
		return score, err
	}
}
