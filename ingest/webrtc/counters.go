package webrtc

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/valence-live/valence/internal/telemetry"
)

// counters are the metrics of the gateway. None carries the id of a session or
// a person.
type counters struct {
	connections metric.Int64UpDownCounter // open, by source (whip, whep)
	refused     metric.Int64Counter       // requests, by reason and status
	ended       metric.Int64Counter       // connections, by reason
	received    metric.Int64Counter       // bytes of RTP
	messages    metric.Int64Counter       // of data channels, by outcome
}

func newCounters(provider metric.MeterProvider) (counters, error) {
	meter := provider.Meter(telemetry.Scope)
	var c counters
	var errs [5]error
	c.connections, errs[0] = meter.Int64UpDownCounter("valence.webrtc.connections", metric.WithUnit("{connection}"),
		metric.WithDescription("WebRTC connections open, by source."))
	c.refused, errs[1] = meter.Int64Counter("valence.webrtc.refused", metric.WithUnit("{request}"),
		metric.WithDescription("WHIP requests refused, by reason and status."))
	c.ended, errs[2] = meter.Int64Counter("valence.webrtc.ended", metric.WithUnit("{connection}"),
		metric.WithDescription("WebRTC connections ended, by reason."))
	c.received, errs[3] = meter.Int64Counter("valence.webrtc.received", metric.WithUnit("By"),
		metric.WithDescription("RTP received, with its headers."))
	c.messages, errs[4] = meter.Int64Counter("valence.webrtc.messages", metric.WithUnit("{message}"),
		metric.WithDescription("Messages on data channels, by outcome."))
	return c, errors.Join(errs[:]...)
}

func (c counters) refuse(ctx context.Context, r *refusal) {
	c.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", r.reason), attribute.Int("status", r.status)))
}

func (c counters) message(outcome string) {
	c.messages.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

func (c counters) open(source string) {
	c.connections.Add(context.Background(), 1, metric.WithAttributes(attribute.String("source", source)))
}

func (c counters) end(source, reason string) {
	c.connections.Add(context.Background(), -1, metric.WithAttributes(attribute.String("source", source)))
	c.ended.Add(context.Background(), 1, metric.WithAttributes(attribute.String("reason", reason)))
}
