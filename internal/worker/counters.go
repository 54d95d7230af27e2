package worker

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/telemetry"
)

// counters are the metrics of a worker.
type counters struct {
	samples metric.Int64Counter
	calls   metric.Int64Counter
	records metric.Int64Counter
}

func newCounters(provider metric.MeterProvider) (counters, error) {
	meter := provider.Meter(telemetry.Scope)
	var c counters
	var errs [3]error
	c.samples, errs[0] = meter.Int64Counter("valence.samples.dropped", metric.WithUnit("{sample}"),
		metric.WithDescription("Samples left out, by modality and reason."))
	c.calls, errs[1] = meter.Int64Counter("valence.calls.closed", metric.WithUnit("{call}"),
		metric.WithDescription("Calls closed because nothing came of them any more, by reason."))
	c.records, errs[2] = meter.Int64Counter("valence.records.repeated", metric.WithUnit("{record}"),
		metric.WithDescription("Records of features that had come before."))
	return c, errors.Join(errs[:]...)
}

func (c *counters) dropped(ctx context.Context, m ingest.Modality, reason string) {
	c.samples.Add(ctx, 1, metric.WithAttributes(attribute.String("modality", m.String()), attribute.String("reason", reason)))
}

func (c *counters) closed(ctx context.Context, reason string) {
	c.calls.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", reason)))
}

func (c *counters) repeated(ctx context.Context) { c.records.Add(ctx, 1) }
