//go:build servers

package redis_test

import (
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/valence-live/valence/internal/brokers"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/redis"
	"github.com/valence-live/valence/sink/sinktest"
)

// people are the participants of a hundred calls whose events come in turn.
const people = 200

func nth(i int) *sink.Event {
	return sinktest.Event("call-"+strconv.Itoa(i%people/2), strconv.Itoa(i%2), i/people)
}

func BenchmarkPublish(b *testing.B) {
	for _, callers := range []int{1, 8, 64, 200} {
		b.Run("callers="+strconv.Itoa(callers), func(b *testing.B) {
			p := opened(b)
			var next atomic.Int64
			b.ReportAllocs()
			b.SetParallelism((callers + 1) / 2) // of 2 processors
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := p.Publish(b.Context(), nth(int(next.Add(1)))); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkPublishBatch(b *testing.B) {
	for _, size := range []int{10, 100} {
		b.Run("size="+strconv.Itoa(size), func(b *testing.B) {
			p := opened(b)
			var next atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(2)
			b.RunParallel(func(pb *testing.PB) {
				batch := make([]*sink.Event, 0, size)
				flush := func() {
					if err := p.PublishBatch(b.Context(), batch); err != nil {
						b.Error(err)
					}
					batch = batch[:0]
				}
				for pb.Next() {
					if batch = append(batch, nth(int(next.Add(1)))); len(batch) == size {
						flush()
					}
				}
				flush()
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func opened(b *testing.B) *redis.Publisher {
	b.Helper()
	cfg := redis.Default()
	cfg.Addresses = []string{brokers.Redis(b).Addr}
	p, err := redis.New(cfg, telemetry.Nop())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := p.Close(); err != nil {
			b.Error(err)
		}
	})
	b.ResetTimer()
	return p
}
