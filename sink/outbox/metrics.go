package outbox

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/valence-live/valence/internal/telemetry"
)

// reason says why an event was dropped. The values label a metric.
type reason string

// Why an event is dropped.
const (
	reasonFull     reason = "full"     // the line was full
	reasonRefused  reason = "refused"  // the sink will never take it
	reasonClosed   reason = "closed"   // the sink was closed
	reasonErased   reason = "erased"   // its participant was erased while it waited
	reasonShutdown reason = "shutdown" // the program ended
)

// metrics are those of one sink. None carries the id of a session or a person.
type metrics struct {
	sink      attribute.KeyValue
	delivered metric.Int64Counter
	dropped   metric.Int64Counter
	failures  metric.Int64Counter
	duration  metric.Float64Histogram
}

func newMetrics(name string, provider metric.MeterProvider, o *Outbox) (metrics, error) {
	meter := provider.Meter(telemetry.Scope)
	m := metrics{sink: attribute.String("sink", name)}
	by := metric.WithAttributes(m.sink)
	var errs [6]error
	m.delivered, errs[0] = meter.Int64Counter("valence.sink.delivered", metric.WithUnit("{event}"),
		metric.WithDescription("Events that a sink took, by sink."))
	m.dropped, errs[1] = meter.Int64Counter("valence.sink.dropped", metric.WithUnit("{event}"),
		metric.WithDescription("Events that never reached a sink, by sink, reason and state."))
	m.failures, errs[2] = meter.Int64Counter("valence.sink.failures", metric.WithUnit("{attempt}"),
		metric.WithDescription("Attempts to hand events to a sink that failed and are repeated, by sink."))
	m.duration, errs[3] = meter.Float64Histogram("valence.sink.publish.duration", metric.WithUnit("s"),
		metric.WithDescription("How long a sink took for a batch of events, by sink."),
		metric.WithExplicitBucketBoundaries(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10))
	_, errs[4] = meter.Int64ObservableUpDownCounter("valence.sink.waiting", metric.WithUnit("{event}"),
		metric.WithDescription("Events that wait for a sink or are under way to it, by sink."),
		metric.WithInt64Callback(func(_ context.Context, ob metric.Int64Observer) error {
			ob.Observe(int64(o.Waiting()), by)
			return nil
		}))
	_, errs[5] = meter.Int64ObservableGauge("valence.sink.circuit",
		metric.WithDescription("Whether a sink takes events, by sink: 0 it does, 1 it is being tried, 2 it is in trouble."),
		metric.WithInt64Callback(func(_ context.Context, ob metric.Int64Observer) error {
			o.mu.Lock()
			state := o.circuit.state
			o.mu.Unlock()
			ob.Observe(int64(state), by)
			return nil
		}))
	return m, errors.Join(errs[:]...)
}

func (m *metrics) drop(ctx context.Context, it *item, why reason) {
	if it.event == nil {
		return
	}
	m.dropped.Add(ctx, 1, metric.WithAttributes(
		m.sink, attribute.String("reason", string(why)), attribute.String("state", string(it.event.State))))
}

func (m *metrics) handed(ctx context.Context, took time.Duration, delivered int, failed bool) {
	by := metric.WithAttributes(m.sink)
	m.duration.Record(ctx, took.Seconds(), by)
	m.delivered.Add(ctx, int64(delivered), by)
	if failed {
		m.failures.Add(ctx, 1, by)
	}
}
