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
	"github.com/valence-live/valence/internal/queue"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/rolling"
)

// score takes windows in their order until there are no more, and publishes an
// event for each in which something is known.
func (c *Call) score(ctx context.Context, scores *rolling.Session) error {
	defer c.windows.Discard() // after an error: what is left is dropped, not leaked
	for {
		w, err := c.windows.Get(ctx)
		switch {
		case errors.Is(err, queue.ErrClosed):
			return nil
		case err != nil:
			return err
		case w.Empty():
			c.dropWindow(w, "no_data")
		default:
			if err := c.scoreWindow(ctx, w, scores); err != nil {
				return err
			}
		}
	}
}

// dropWindow counts and releases a window that has no event.
func (c *Call) dropWindow(w closed, reason string) {
	w.Release()
	c.count.unscored.Add(c.stopped, 1, metric.WithAttributes(attribute.String("reason", reason)))
}

// scoreWindow predicts, folds and publishes, under one span for the window with
// the stages as its children.
func (c *Call) scoreWindow(ctx context.Context, w closed, scores *rolling.Session) (err error) {
	ctx, span := c.engine.tracer.Start(ctx, "window", trace.WithTimestamp(w.at))
	defer span.End()
	defer func() {
		note(span, err)
		w.Release()
	}()
	if span.IsRecording() {
		span.SetAttributes(windowAttributes(w.Window)...)
	}
	c.stage(ctx, "queue", w.at)
	waited := time.Since(w.at)

	score, err := c.predict(ctx, w.Window)
	if err != nil {
		return fmt.Errorf("score window %s: %w", w.ID(), err)
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

// stage records a stage that lies in the past, from a time until now.
func (c *Call) stage(ctx context.Context, name string, from time.Time) {
	_, span := c.engine.tracer.Start(ctx, name, trace.WithTimestamp(from))
	span.End()
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
