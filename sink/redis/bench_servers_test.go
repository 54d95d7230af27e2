//go:build servers

package redis_test

import (
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

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
			p, report := opened(b)
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
			report()
		})
	}
}

func BenchmarkPublishBatch(b *testing.B) {
	for _, size := range []int{10, 100} {
		b.Run("size="+strconv.Itoa(size), func(b *testing.B) {
			p, report := opened(b)
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
			report()
		})
	}
}

// opened returns a Publisher, and what reports how many events a second it
// published and what one cost each side.
func opened(b *testing.B) (*redis.Publisher, func()) {
	b.Helper()
	server := brokers.Redis(b)
	cfg := redis.Default()
	cfg.Addresses = []string{server.Addr}
	p, err := redis.New(cfg, telemetry.Nop())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := p.Close(); err != nil {
			b.Error(err)
		}
	})
	serverAt, clientAt := serverCPU(b, server), clientCPU(b)
	b.ResetTimer()
	return p, func() {
		n := float64(b.N)
		b.ReportMetric(n/b.Elapsed().Seconds(), "events/s")
		b.ReportMetric((clientCPU(b)-clientAt).Seconds()*1e6/n, "client-cpu-us")
		b.ReportMetric((serverCPU(b, server)-serverAt).Seconds()*1e6/n, "server-cpu-us")
	}
}

func clientCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func serverCPU(b *testing.B, s *brokers.Server) (used time.Duration) {
	b.Helper()
	out, err := s.Tool(b.Context(), "INFO", "cpu").Output()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			used += time.Duration(seconds * 1e9)
		}
	}
	return used
}
