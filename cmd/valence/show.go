package main

import (
	"context"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/internal/view"
	"github.com/valence-live/valence/sink"
)

// shown is a view as a sink.
type shown struct{ *view.View }

// Publish implements sink.Publisher.
func (s shown) Publish(_ context.Context, e *sink.Event) error {
	s.Event(e, time.Now())
	return nil
}

// watched is a source that tells a view how far it has come.
type watched struct {
	*replay.Source
	view *view.View
}

// Run implements ingest.Source.
func (w watched) Run(ctx context.Context, h ingest.Handler) error {
	return w.Source.Run(ctx, watcher{w, h})
}

type watcher struct {
	watched
	next ingest.Handler
}

// Handle implements ingest.Handler.
func (w watcher) Handle(ctx context.Context, s ingest.Sample) error {
	w.view.Progress(s.Time.Sub(w.Start()), w.Duration(), time.Now())
	return w.next.Handle(ctx, s)
}
