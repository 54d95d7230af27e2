package kafka_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/kafka"
	"github.com/valence-live/valence/sink/outbox"
	"github.com/valence-live/valence/sink/sinktest"
)

// bench publishes through an outbox as the program does, the events of a hundred
// calls.
func bench(b *testing.B, cfg kafka.Config) {
	b.Helper()
	p := open(b, cfg)
	require.NoError(b, p.Check(b.Context()))
	settings := outbox.Default()
	settings.Full = outbox.Block
	o, err := outbox.New("kafka", settings, p, telemetry.Nop())
	require.NoError(b, err)
	require.NoError(b, o.Start(b.Context()))
	var events []*sink.Event
	for i := range 10_000 {
		events = append(events, sinktest.Event(fmt.Sprintf("call-%d", i%100), "alice", i/100))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := o.Publish(b.Context(), events[i%len(events)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	require.NoError(b, o.Flush(b.Context()))
	require.NoError(b, o.Shutdown(b.Context()))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkPublish(b *testing.B) {
	for _, format := range []kafka.Format{kafka.FormatJSON, kafka.FormatProtobuf} {
		b.Run(string(format), func(b *testing.B) {
			_, cfg := broker(b)
			cfg.Format = format
			bench(b, cfg)
		})
	}
}
