package calls

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/telemetry"
)

// counters are the metrics of live calls. None carries the id of a session or a
// person.
type counters struct {
	dropped metric.Int64Counter
}

func newCounters(provider metric.MeterProvider, r *Registry) (counters, error) {
	meter := provider.Meter(telemetry.Scope)
	var c counters
	var errs [3]error
	c.dropped, errs[0] = meter.Int64Counter("valence.samples.dropped", metric.WithUnit("{sample}"),
		metric.WithDescription("Samples left out, by modality and reason."))
	_, errs[1] = meter.Int64ObservableUpDownCounter("valence.calls.active", metric.WithUnit("{call}"),
		metric.WithDescription("Live calls that are kept at the moment."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			calls, _ := r.count()
			o.Observe(calls)
			return nil
		}))
	_, errs[2] = meter.Int64ObservableUpDownCounter("valence.participants.connected", metric.WithUnit("{participant}"),
		metric.WithDescription("Participants of live calls who are connected at the moment."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			_, people := r.count()
			o.Observe(people)
			return nil
		}))
	return c, errors.Join(errs[:]...)
}

// count returns how many calls there are and how many people are connected.
func (r *Registry) count() (calls, people int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		for _, p := range c.everybody() {
			if p.connected() {
				people++
			}
		}
	}
	return int64(len(r.calls)), people
}

func (c *counters) drop(m ingest.Modality, reason string, n int) {
	c.dropped.Add(context.Background(), int64(n), metric.WithAttributes(
		attribute.String("modality", m.String()), attribute.String("reason", reason)))
}

func (c *counters) shed(m ingest.Modality) { c.drop(m, string(ingest.ReasonShed), 1) }
