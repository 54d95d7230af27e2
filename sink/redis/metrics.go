package redis

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/valence-live/valence/internal/telemetry"
)

// counts are the metrics of the Redis sink.
type counts struct {
	events metric.Int64Counter   // by outcome
	batch  metric.Int64Histogram // events that travelled together
}

func newCounts(provider metric.MeterProvider) (counts, error) {
	meter := provider.Meter(telemetry.Scope)
	var c counts
	var errs [2]error
	c.events, errs[0] = meter.Int64Counter("valence.redis.events", metric.WithUnit("{event}"),
		metric.WithDescription("Events sent to Redis, by outcome: written, repeated (it had them already), failed."))
	c.batch, errs[1] = meter.Int64Histogram("valence.redis.batch", metric.WithUnit("{event}"),
		metric.WithDescription("Events that travelled to Redis together."),
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 20, 50, 100))
	return c, errors.Join(errs[:]...)
}

func (c *counts) written(ctx context.Context, outcomes []outcome) {
	by := map[string]int64{}
	for _, o := range outcomes {
		switch {
		case o.err != nil:
			by["failed"]++
		case o.repeated:
			by["repeated"]++
		default:
			by["written"]++
		}
	}
	for outcome, n := range by {
		c.events.Add(ctx, n, metric.WithAttributes(attribute.String("outcome", outcome)))
	}
	c.batch.Record(ctx, int64(len(outcomes)))
}
