// Package pipeline builds the program out of its stages and runs it: an Engine
// holds what all calls share, a Call turns the Samples of one session into
// events.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/inference/onnx"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/telemetry"
)

// Engine is a loaded model with everything that calls share. Open it, make
// Calls, Close it after the last has finished. Its methods may be called from
// several goroutines.
type Engine struct {
	cfg        EngineConfig
	set        telemetry.Settings
	tracer     trace.Tracer
	runtime    *onnx.Runtime // of the encoders
	extractors *Extractors
	scoring    atomic.Pointer[scoring]
}

// Bundle returns the files of the configured model: a folder, or the bundle
// inside the program.
func Bundle(cfg EngineConfig) (fs.FS, error) {
	if cfg.Model == "" {
		return model.Default()
	}
	if _, err := os.Stat(cfg.Model); err != nil {
		return nil, fmt.Errorf("inference.model: %w", err)
	}
	return os.DirFS(cfg.Model), nil
}

// Open loads and checks the model. A model that was trained on other features
// than this program extracts is refused.
func Open(cfg EngineConfig, set telemetry.Settings) (_ *Engine, err error) {
	files, err := Bundle(cfg)
	if err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, set: set, tracer: set.Tracer.Tracer(telemetry.Scope)}
	bundle, err := model.Open(files)
	if err != nil {
		return nil, err
	}
	if e.runtime, err = onnx.Open(onnx.Config{Library: cfg.Library}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.runtime.Close())
		}
	}()
	if e.extractors, err = OpenExtractors(files, e.runtime); err != nil {
		return nil, err
	}
	s, err := e.open(bundle)
	if err != nil {
		return nil, err
	}
	e.scoring.Store(s)
	return e, nil
}

// Model returns the manifest of the loaded model.
func (e *Engine) Model() *model.Manifest { return e.scoring.Load().bundle.Manifest }

// NewExtractor returns an extractor for one track.
func (e *Engine) NewExtractor(m ingest.Modality) (features.Extractor, error) {
	return e.extractors.New(m)
}

// Limits are what the model can read: what align.Config needs of it.
func (e *Engine) Limits() align.Limits {
	m := e.Model()
	limits := align.Limits{Window: m.Window.Longest(), Context: m.Window.Context()}
	for _, modality := range ingest.Modalities() {
		limits.Len[modality] = m.Streams.Of(modality).MaxSteps
	}
	return limits
}

// Close frees the model. Calls must have finished; ctx bounds how long windows
// that are still being scored are waited for.
func (e *Engine) Close(ctx context.Context) error {
	return errors.Join(e.scoring.Load().close(ctx), e.runtime.Close())
}
