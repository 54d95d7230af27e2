package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/valence-live/valence/internal/telemetry"
)

// counters are the metrics of the package, see its comment.
type counters struct {
	consumed, poisoned, lost, rebalances metric.Int64Counter
	labels                               map[string]metric.MeasurementOption // by topic
}

func newCounters(c *Consumer) (counters, error) {
	meter := c.set.Meter.Meter(telemetry.Scope)
	out := counters{labels: map[string]metric.MeasurementOption{}}
	for _, t := range c.cfg.Topics {
		out.labels[t] = metric.WithAttributeSet(attribute.NewSet(
			attribute.String("messaging.system", "kafka"),
			attribute.String("messaging.operation.name", "process"),
			attribute.String("messaging.destination.name", t),
			attribute.String("messaging.consumer.group.name", c.cfg.Group)))
	}
	var errs [6]error
	out.consumed, errs[0] = meter.Int64Counter("messaging.client.consumed.messages", metric.WithUnit("{message}"),
		metric.WithDescription("Records of Kafka that were handled, by topic."))
	out.poisoned, errs[1] = meter.Int64Counter("valence.kafka.records.poisoned", metric.WithUnit("{record}"),
		metric.WithDescription("Records that cannot be read and went to the dead-letter topic, by topic."))
	out.lost, errs[2] = meter.Int64Counter("valence.kafka.records.lost", metric.WithUnit("{record}"),
		metric.WithDescription("Records that were deleted before they were read, by topic."))
	out.rebalances, errs[3] = meter.Int64Counter("valence.kafka.rebalances", metric.WithUnit("{rebalance}"),
		metric.WithDescription("How often the consumer group was settled anew."))
	_, errs[4] = meter.Int64ObservableGauge("valence.kafka.lag", metric.WithUnit("{record}"),
		metric.WithDescription("Records in this member's partitions that were not handled yet, by topic."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			for i, n := range c.lag() {
				o.Observe(n, out.labels[c.cfg.Topics[i]])
			}
			return nil
		}))
	_, errs[5] = meter.Int64ObservableUpDownCounter("valence.kafka.partitions", metric.WithUnit("{partition}"),
		metric.WithDescription("Partition numbers that this member has."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(len(c.Partitions())))
			return nil
		}))
	return out, errors.Join(errs[:]...)
}

func (n *counters) handle(topic string, records int64) {
	n.consumed.Add(context.Background(), records, n.labels[topic])
}
func (n *counters) poison(topic string) { n.poisoned.Add(context.Background(), 1, n.labels[topic]) }
func (n *counters) lose(topic string, records int64) {
	n.lost.Add(context.Background(), records, n.labels[topic])
}

// lag sums up, by topic, what was not handled yet.
func (c *Consumer) lag() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]int64, len(c.cfg.Topics))
	for _, l := range c.lanes {
		l.mu.Lock()
		if l.merge != nil {
			for i := range out {
				out[i] += l.merge.lag(i)
			}
		}
		l.mu.Unlock()
	}
	return out
}

// Partitions returns the partition numbers that this member has at the moment.
// It may be called from any goroutine.
func (c *Consumer) Partitions() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.lanes))
}
