package batch

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/valence-live/valence/internal/telemetry"
)

// meter is what is told of batches.
type meter struct {
	tracer trace.Tracer
	size   metric.Int64Histogram
	queue  metric.Float64Histogram
}

func newMeter(set telemetry.Settings) (meter, error) {
	m := set.Meter.Meter(telemetry.Scope)
	size, errSize := m.Int64Histogram("valence.batch.size",
		metric.WithUnit("{window}"),
		metric.WithDescription("Windows that were scored in one run of the fusion net."),
		metric.WithExplicitBucketBoundaries(1, 2, 4, 8, 16, 32, 64, 128))
	queue, errQueue := m.Float64Histogram("valence.batch.queue.duration",
		metric.WithUnit("s"),
		metric.WithDescription("Time that a window waited until its batch started."),
		metric.WithExplicitBucketBoundaries(0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5))
	return meter{tracer: set.Tracer.Tracer(telemetry.Scope), size: size, queue: queue}, errors.Join(errSize, errQueue)
}

// batch records that one begins. The span is the root of a trace of its own,
// linked to the windows: it belongs to no single one of them. Without a
// recording window there is no span.
func (m *meter) batch(ctx context.Context, begin time.Time, items []*item) (_ context.Context, end func()) {
	m.size.Record(ctx, int64(len(items)))
	traced := false
	for _, it := range items {
		m.queue.Record(it.ctx, begin.Sub(it.arrived).Seconds())
		traced = traced || trace.SpanFromContext(it.ctx).IsRecording()
	}
	if !traced {
		return ctx, func() {}
	}
	links := make([]trace.Link, 0, len(items))
	for _, it := range items {
		if c := trace.SpanContextFromContext(it.ctx); c.IsValid() {
			links = append(links, trace.Link{SpanContext: c})
		}
	}
	ctx, span := m.tracer.Start(ctx, "score batch", trace.WithNewRoot(), trace.WithTimestamp(begin),
		trace.WithLinks(links...), trace.WithAttributes(attribute.Int("valence.batch.size", len(items))))
	return ctx, func() { span.End() }
}
