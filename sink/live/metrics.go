package live

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/memory"
)

// counts are the metrics of the live sink. None carries the id of a session or
// a person.
type counts struct {
	readers metric.Int64UpDownCounter // by transport
	left    metric.Int64Counter       // readers refused or cut off, by reason
	missed  metric.Int64Counter       // events that slow readers lost, by state
}

func newCounts(provider metric.MeterProvider) (counts, error) {
	meter := provider.Meter(telemetry.Scope)
	var c counts
	var errs [3]error
	c.readers, errs[0] = meter.Int64UpDownCounter("valence.live.readers", metric.WithUnit("{reader}"),
		metric.WithDescription("Readers of events at present, by transport."))
	c.left, errs[1] = meter.Int64Counter("valence.live.readers.refused", metric.WithUnit("{reader}"),
		metric.WithDescription("Readers refused or cut off, by reason."))
	c.missed, errs[2] = meter.Int64Counter("valence.live.events.lost", metric.WithUnit("{event}"),
		metric.WithDescription("Events that slow readers were told to have lost, by state."))
	return c, errors.Join(errs[:]...)
}

// enter counts a reader for as long as it is there.
func (c *counts) enter(ctx context.Context, transport string) (leave func()) {
	by := metric.WithAttributes(attribute.String("transport", transport))
	c.readers.Add(ctx, 1, by)
	return func() { c.readers.Add(ctx, -1, by) }
}

func (c *counts) refused(ctx context.Context) {
	c.left.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", "limit")))
}

func (c *counts) cutOff(ctx context.Context, transport string) {
	c.left.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", "slow"), attribute.String("transport", transport)))
}

func (c *counts) lost(ctx context.Context, lost memory.Lost) {
	if lost == (memory.Lost{}) {
		return
	}
	for state, n := range map[string]uint64{"provisional": lost.Provisional, "final": lost.Final} {
		if n > 0 {
			c.missed.Add(ctx, int64(n), metric.WithAttributes(attribute.String("state", state))) //nolint:gosec // G115: a count of events never nears 2^63
		}
	}
}
