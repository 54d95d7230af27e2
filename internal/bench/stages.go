package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/jsonl"
	"github.com/valence-live/valence/sink/rolling"
)

// recorded is one call, held at each border between two stages.
type recorded struct {
	cfg     Config
	engine  *pipeline.Engine
	length  time.Duration
	samples []ingest.Sample
	units   [][]features.Unit // of each sample
	windows []*features.Window
	scores  []inference.Score
}

// Handle keeps the samples: it makes recorded an ingest.Handler.
func (r *recorded) Handle(_ context.Context, s ingest.Sample) error {
	r.samples = append(r.samples, s)
	return nil
}

// stages runs one stage after the other, each on all that the one before gave.
func stages(ctx context.Context, cfg Config, engine *pipeline.Engine, set telemetry.Settings, progress func(string), out *Report) error {
	r := &recorded{cfg: cfg, engine: engine}
	source, err := replay.Open(ctx, cfg.Replay, set.Logger)
	if err != nil {
		return err
	}
	if r.length = source.Duration(); r.length <= 0 {
		return fmt.Errorf("%w: the files do not say how long they are", ErrConfig)
	}
	out.Call = Seconds(r.length.Seconds())

	steps := []struct {
		name string
		run  func() error
	}{
		{"decode", func() error { return source.Run(ctx, r) }},
		{"text features", func() error { return r.extract(ingest.Text) }},
		{"audio features", func() error { return r.extract(ingest.Audio) }},
		{"video features", func() error { return r.extract(ingest.Video) }},
		{"align", r.align},
		{"inference", func() error { return r.score(ctx) }},
		{"publish", func() error { return r.publish(ctx) }},
	}
	for _, step := range steps {
		progress(step.name)
		s, err := stage(step.name, r.length, step.run)
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		out.Stages = append(out.Stages, s)
		out.CPU += s.CPU
	}
	out.Windows = len(r.scores)
	out.SessionsPerCore = 1000 / out.CPU
	return nil
}

// extract makes the units of one modality.
func (r *recorded) extract(m ingest.Modality) error {
	if r.units == nil {
		r.units = make([][]features.Unit, len(r.samples))
	}
	extractors := map[*ingest.Track]features.Extractor{}
	for i, s := range r.samples {
		if s.Track.Modality != m {
			continue
		}
		x, ok := extractors[s.Track]
		if !ok {
			var err error
			if x, err = r.engine.NewExtractor(m); err != nil {
				return err
			}
			extractors[s.Track] = x
		}
		if err := x.Extract(s, func(u features.Unit) { r.units[i] = append(r.units[i], u) }); err != nil {
			return err
		}
	}
	return nil
}

// align makes the windows.
func (r *recorded) align() error {
	people := map[*ingest.Participant]*align.Aligner{}
	for i, s := range r.samples {
		a, ok := people[s.Track.Participant]
		if !ok {
			var err error
			if a, err = align.New(s.Track.Participant, r.cfg.Call.Align, r.keep); err != nil {
				return err
			}
			people[s.Track.Participant] = a
		}
		for _, u := range r.units[i] {
			a.Push(u)
		}
		for _, a := range people {
			a.Advance(s.Time)
		}
	}
	for _, a := range people {
		a.Flush()
		a.Close()
	}
	return nil
}

func (r *recorded) keep(w *features.Window) {
	if !w.Empty() {
		r.windows = append(r.windows, w)
	}
}

func (r *recorded) score(ctx context.Context) error {
	for _, w := range r.windows {
		s, err := r.engine.Score(ctx, w)
		if err != nil {
			return err
		}
		r.scores = append(r.scores, s)
	}
	return nil
}

func (r *recorded) publish(ctx context.Context) error {
	session, err := rolling.New(r.cfg.Call.Rolling)
	if err != nil {
		return err
	}
	lines := jsonl.New(io.Discard)
	for _, s := range r.scores {
		e := sink.New(s)
		session.Apply(e)
		if err := lines.Publish(ctx, e); err != nil {
			return err
		}
	}
	return lines.Close()
}
