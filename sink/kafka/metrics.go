package kafka

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
)

// metrics are those of OpenTelemetry's conventions for messaging, and one of our
// own. None carries the id of a session or a person.
type metrics struct {
	messages metric.Int64Counter
	duration metric.Float64Histogram
	repeated metric.Int64Counter
}

func newMetrics(provider metric.MeterProvider) (metrics, error) {
	meter := provider.Meter(telemetry.Scope)
	var m metrics
	var errs [3]error
	m.messages, errs[0] = meter.Int64Counter("messaging.client.sent.messages", metric.WithUnit("{message}"),
		metric.WithDescription("Records sent to Kafka, by topic and, where they failed, error."))
	m.duration, errs[1] = meter.Float64Histogram("messaging.client.operation.duration", metric.WithUnit("s"),
		metric.WithDescription("How long a request to a partition took, by topic and, where it failed, error."),
		metric.WithExplicitBucketBoundaries(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10))
	m.repeated, errs[2] = meter.Int64Counter("valence.kafka.scores.repeated", metric.WithUnit("{message}"),
		metric.WithDescription("Latest scores written once more after trouble with the brokers."))
	return m, errors.Join(errs[:]...)
}

func (m *metrics) sent(ctx context.Context, topic string, n int, took time.Duration, err error) {
	by := []attribute.KeyValue{
		attribute.String("messaging.system", "kafka"), attribute.String("messaging.operation.name", "send"),
		attribute.String("messaging.destination.name", topic),
	}
	if err != nil {
		by = append(by, attribute.String("error.type", "_OTHER"))
	}
	set := metric.WithAttributeSet(attribute.NewSet(by...))
	m.messages.Add(ctx, int64(n), set)
	m.duration.Record(ctx, took.Seconds(), set)
}

// trace begins the span of a batch. It is linked to the traces in which the
// events were made, and no child of any: a batch has many.
func (p *Publisher) trace(ctx context.Context, events []*sink.Event) (context.Context, func()) {
	ctx, span := p.tracer.Start(ctx, "send "+p.cfg.EventsTopic, trace.WithSpanKind(trace.SpanKindProducer))
	if span.IsRecording() {
		span.SetAttributes(
			attribute.String("messaging.system", "kafka"), attribute.String("messaging.operation.name", "send"),
			attribute.String("messaging.destination.name", p.cfg.EventsTopic), attribute.Int("messaging.batch.message_count", len(events)),
		)
		for _, e := range events[:min(len(events), mostLinks)] {
			carrier := propagation.MapCarrier{"traceparent": e.Traceparent}
			if made := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(ctx, carrier)); made.IsValid() {
				span.AddLink(trace.Link{SpanContext: made})
			}
		}
	}
	return ctx, func() { span.End() }
}

// mostLinks is what a span keeps unless it is told otherwise.
const mostLinks = 128
