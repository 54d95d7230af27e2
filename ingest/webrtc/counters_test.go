package webrtc_test

import (
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/valence-live/valence/ingest/webrtc/webrtctest"
	"github.com/valence-live/valence/internal/telemetry"
)

// sums returns the sums of a metric, by its attributes as text.
func sums(t *testing.T, reader *metric.ManualReader, name string) map[string]int64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &data))
	out := map[string]int64{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == name {
				for _, p := range sum.DataPoints {
					out[p.Attributes.Encoded(attribute.DefaultEncoder())] = p.Value
				}
			}
		}
	}
	return out
}

func TestEverythingIsCountedByReason(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	set := telemetry.Nop()
	set.Meter = metric.NewMeterProvider(metric.WithReader(reader))
	b := serveWith(t, loopback(), set)
	b.ask(t, http.MethodPost, "/whip/call/alice", request{body: "x"})
	b.ask(t, http.MethodPost, "/whip/call/alice", request{contentType: typeSDP, body: "x"})
	b.ask(t, http.MethodPost, "/whip/call/alice", request{contentType: typeSDP, body: "y"})
	assert.Equal(t, map[string]int64{"reason=content_type,status=415": 1, "reason=malformed,status=400": 2}, sums(t, reader, "valence.webrtc.refused"))
	p := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all, Channel: true})
	b.media(t, "call/alice", 5)
	within(t, p.Opened(), "the data channel")
	require.NoError(t, p.Say("{}"))
	require.NoError(t, p.Say("no"))
	told(t, p)
	assert.Equal(t, map[string]int64{"outcome=taken": 1, "outcome=malformed": 1}, sums(t, reader, "valence.webrtc.messages"))
	assert.Equal(t, map[string]int64{"source=whip": 1}, sums(t, reader, "valence.webrtc.connections"))
	require.NoError(t, p.Delete(t.Context()))
	assert.Equal(t, map[string]int64{"source=whip": 0}, sums(t, reader, "valence.webrtc.connections"))
	assert.Equal(t, map[string]int64{"reason=deleted": 1}, sums(t, reader, "valence.webrtc.ended"))
	assert.Greater(t, sums(t, reader, "valence.webrtc.received")[""], int64(500))
}

func TestComingAndGoingLeavesNothingBehind(t *testing.T) {
	b := serve(t, loopback())
	round := func() {
		for _, bye := range []bool{true, false} {
			p := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all, Channel: true})
			b.media(t, "call/alice", 1)
			if bye {
				require.NoError(t, p.Delete(t.Context()))
			}
			require.NoError(t, p.Close())
		}
		eventually(t, func() bool { return b.gateway.Stats().Publishers == 0 }, "the end")
		b.client.CloseIdleConnections()
	}
	round()
	before, held := still(t)
	for range 4 {
		round()
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= before+4 }, "goroutines to end")
	_, holds := still(t)
	assert.Less(t, int64(holds)-int64(held), int64(4<<20), "bytes")
}
