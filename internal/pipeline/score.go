package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/queue"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/rolling"
)

// scorer is the second half of a call, on a goroutine of its own.
type scorer struct {
	*Call
	rolling   *rolling.Session
	published map[string]*Published // by participant
	settling  time.Duration
}

func (c *Call) newScorer() (*scorer, error) {
	values, err := rolling.New(c.cfg.Rolling)
	if err != nil {
		return nil, err
	}
	s := &scorer{Call: c, rolling: values, published: map[string]*Published{}, settling: settling(c.cfg.Align)}
	if r := c.cfg.Resume; r != nil {
		values.Restore(r.State.Rolling)
		for who, p := range r.State.Published {
			mine := p.clone()
			s.published[who] = &mine
		}
	}
	return s, nil
}

// run takes windows in their order until there are no more, and publishes an
// event for each in which something is known.
func (s *scorer) run(ctx context.Context) error {
	defer s.windows.Discard() // after an error: what is left is dropped, not leaked
	for {
		w, err := s.windows.Get(ctx)
		switch {
		case errors.Is(err, queue.ErrClosed):
			return nil
		case err != nil:
			return err
		case w.do != nil:
			w.do(s)
			continue
		}
		if err := s.deal(ctx, w); err != nil {
			return err
		}
		s.of(w.Participant.ID()).add(w.Window, s.settling)
	}
}

// of is what of a participant was published.
func (s *scorer) of(participant string) *Published {
	p, ok := s.published[participant]
	if !ok {
		p = &Published{}
		s.published[participant] = p
	}
	return p
}

// deal scores a window or says why not.
func (s *scorer) deal(ctx context.Context, w closed) error {
	switch {
	case s.repeats(w):
		s.dropWindow(w, "repeated")
	case w.Empty():
		if s.cfg.Silent != nil && w.State == features.Final {
			s.cfg.Silent(w.Window)
		}
		s.dropWindow(w, "no_data")
	case w.revoked():
		s.dropWindow(w, string(ingest.ReasonNoConsent))
	default:
		if err := s.scoreWindow(ctx, w, s.rolling); err != nil && !s.survives(ctx, err) {
			return err
		}
	}
	return nil
}

// repeats reports whether a window is one that an earlier owner of the call has
// published, or that holds less than it did then. One that was published would
// be scored the same, but its rolling value may have been corrected since.
func (s *scorer) repeats(w closed) bool {
	r := s.cfg.Resume
	if r == nil {
		return false
	}
	p, known := r.State.Published[w.Participant.ID()]
	switch {
	case !known:
		return false
	case p.has(w.Window, s.settling):
		return true
	default:
		return apart(w.Window) && w.Start.Before(r.Complete)
	}
}

// revoked reports whether the window may rest on a consent that is gone.
func (w closed) revoked() bool { return w.Participant.Losses() != w.losses }

// survives reports whether the call goes on after a window failed.
func (c *Call) survives(ctx context.Context, err error) bool {
	if c.cfg.Mode != Live || ctx.Err() != nil {
		return false
	}
	c.count.unscored.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", "failed")))
	c.trouble.Warn(ctx, err)
	return true
}

// dropWindow counts and releases a window that has no event.
func (c *Call) dropWindow(w closed, reason string) {
	if w.Window == nil {
		return
	}
	w.Release()
	c.count.unscored.Add(c.stopped, 1, metric.WithAttributes(attribute.String("reason", reason)))
}

// scoreWindow predicts, folds and publishes, under one span for the window with
// the stages as its children.
func (c *Call) scoreWindow(ctx context.Context, w closed, scores *rolling.Session) (err error) {
	ctx, options := w.cause.of(ctx)
	ctx, span := c.engine.tracer.Start(ctx, "window", append(options, trace.WithTimestamp(c.began(w)))...)
	defer span.End()
	defer func() {
		note(span, err)
		w.Release()
	}()
	if span.IsRecording() {
		span.SetAttributes(windowAttributes(w.Window)...)
	}
	if c.cfg.Mode == Live {
		c.stage(ctx, "gather", c.began(w), w.at)
	}
	c.stage(ctx, "queue", w.at, time.Now())
	waited := time.Since(w.at)

	score, err := c.predict(ctx, w.Window)
	if err != nil {
		return fmt.Errorf("score window %s: %w", w.ID(), err)
	}
	if w.revoked() {
		c.count.unscored.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", string(ingest.ReasonNoConsent))))
		return nil
	}
	if c.cfg.Observe != nil {
		c.cfg.Observe(score)
	}
	from := time.Now()
	event := sink.New(score)
	if !scores.Apply(event) {
		c.count.late.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", "rolling")))
	}
	event.Latency.Window = sink.Duration(w.late)
	event.Latency.Queue += sink.Duration(waited)
	event.Latency.Publish = sink.Duration(time.Since(from))
	event.Traceparent = telemetry.Traceparent(ctx)

	if err := c.publish(ctx, event); err != nil {
		return fmt.Errorf("publish %s: %w", event.ID, err)
	}
	c.count.windows.Add(ctx, 1, metric.WithAttributes(
		attribute.String("kind", string(w.Kind)), attribute.String("state", string(w.State))))
	c.count.latency.Record(ctx, time.Since(w.at).Seconds())
	return nil
}

func (c *Call) predict(ctx context.Context, w *features.Window) (inference.Score, error) {
	ctx, span := c.engine.tracer.Start(ctx, "inference")
	defer span.End()
	s, err := c.engine.Score(ctx, w)
	note(span, err)
	return s, err
}

func (c *Call) publish(ctx context.Context, e *sink.Event) error {
	ctx, span := c.engine.tracer.Start(ctx, "publish")
	defer span.End()
	err := c.publisher.Publish(ctx, e)
	note(span, err)
	return err
}

// began returns when the trace of a window begins: of a live one with the
// capture of the first thing in it, which is on the clock of the wall.
func (c *Call) began(w closed) time.Time {
	if c.cfg.Mode != Live {
		return w.at
	}
	first := w.at
	for _, stream := range [...][]features.Vector{w.Text, w.Audio, w.Video} {
		if len(stream) > 0 && stream[0].Start.Before(first) {
			first = stream[0].Start
		}
	}
	return first
}

// stage records a stage that lies in the past.
func (c *Call) stage(ctx context.Context, name string, from, to time.Time) {
	_, span := c.engine.tracer.Start(ctx, name, trace.WithTimestamp(from))
	span.End(trace.WithTimestamp(to))
}

// note records the outcome of what a span stands for.
func note(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
}

// windowAttributes say which window it was. Ids of people are marked so that a
// collector can strip them.
func windowAttributes(w *features.Window) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("valence.window.kind", string(w.Kind)),
		attribute.String("valence.window.state", string(w.State)),
		attribute.Int("valence.window.revision", w.Revision),
		attribute.Int64("valence.window.end", w.End.UnixMilli()),
		attribute.String("valence.pii.session", w.Participant.Session()),
		attribute.String("valence.pii.participant", w.Participant.ID()),
	}
}
