package pipeline

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/telemetry"
)

// counters are the metrics of a call. None carries the id of a session or a
// person.
type counters struct {
	windows  metric.Int64Counter     // published, by kind and state
	unscored metric.Int64Counter     // closed without an event, by reason
	dropped  metric.Int64Counter     // samples left out, by modality and reason
	late     metric.Int64Counter     // came after its window could no longer change, by reason
	latency  metric.Float64Histogram // from the window's closing to its event
}

func newCounters(provider metric.MeterProvider) (counters, error) {
	meter := provider.Meter(telemetry.Scope)
	var c counters
	var errs [5]error
	c.windows, errs[0] = meter.Int64Counter("valence.windows", metric.WithUnit("{window}"),
		metric.WithDescription("Windows published, by kind and state."))
	c.unscored, errs[1] = meter.Int64Counter("valence.windows.unscored", metric.WithUnit("{window}"),
		metric.WithDescription("Windows closed without an event, by reason."))
	c.dropped, errs[2] = meter.Int64Counter("valence.samples.dropped", metric.WithUnit("{sample}"),
		metric.WithDescription("Samples left out, by modality and reason."))
	c.late, errs[3] = meter.Int64Counter("valence.late", metric.WithUnit("{item}"),
		metric.WithDescription("What came after its window could no longer change, by reason."))
	c.latency, errs[4] = meter.Float64Histogram("valence.window.duration", metric.WithUnit("s"),
		metric.WithDescription("From the closing of a window to its event."))
	return c, errors.Join(errs[:]...)
}

// alignment records what the aligner of one participant could not use.
func (c *counters) alignment(ctx context.Context, s align.Stats) {
	add := func(counter metric.Int64Counter, n uint64, attributes ...attribute.KeyValue) {
		if n > 0 {
			counter.Add(ctx, int64(n), metric.WithAttributes(attributes...)) //nolint:gosec // G115: a count of units never nears 2^63
		}
	}
	for _, m := range ingest.Modalities() {
		modality := attribute.String("modality", m.String())
		add(c.late, s.Late[m], modality, attribute.String("reason", "late"))
		add(c.dropped, s.Ahead[m], modality, attribute.String("reason", "ahead"))
		add(c.dropped, s.Repeated[m], modality, attribute.String("reason", "repeated"))
		add(c.dropped, s.Overflow[m], modality, attribute.String("reason", "overflow"))
	}
	add(c.dropped, s.Malformed, attribute.String("reason", "malformed"))
	add(c.unscored, s.Skipped, attribute.String("reason", "skipped"))
}
