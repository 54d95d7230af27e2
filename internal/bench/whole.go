package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
)

// Whole is several calls at once, from their files to their events.
type Whole struct {
	Copies  int     `json:"copies"`
	Elapsed Seconds `json:"elapsed"`
	// CPU is in ms per second of one call.
	CPU              float64 `json:"cpu_ms_per_s"`
	WindowsPerSecond float64 `json:"windows_per_s"`
	// P50 and P99 are from the closing of a window to its event, in ms. At full
	// speed windows queue up, so only those of paced calls are a latency.
	P50 float64 `json:"close_to_event_p50_ms"`
	P99 float64 `json:"close_to_event_p99_ms"`
	// AllocationsPerWindow counts the whole process.
	AllocationsPerWindow float64 `json:"allocations_per_window"`
}

// latencies is a sink that notes how long each window took.
type latencies struct {
	mu sync.Mutex
	ms []float64
}

// Publish implements sink.Publisher.
func (l *latencies) Publish(_ context.Context, e *sink.Event) error {
	took := e.Latency.Queue + e.Latency.Inference + e.Latency.Publish
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ms = append(l.ms, float64(took)/float64(time.Millisecond))
	return nil
}

// whole runs copies of the call at once.
func whole(ctx context.Context, cfg Config, copies int, engine *pipeline.Engine, set telemetry.Settings) (*Whole, error) {
	var seen latencies
	var length time.Duration
	sources := make([]*replay.Source, copies)
	for i := range sources {
		from := cfg.Replay
		from.Session = fmt.Sprintf("%s-%d", from.Session, i+1)
		source, err := replay.Open(ctx, from, set.Logger)
		if err != nil {
			return nil, err
		}
		sources[i], length = source, source.Duration()
	}
	before, began := spent(), time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, source := range sources {
		group.Go(func() error {
			call, err := engine.NewCall(cfg.Call, &seen)
			if err != nil {
				return err
			}
			return call.Run(ctx, source)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	elapsed, after := time.Since(began), spent()
	windows := float64(len(seen.ms))
	return &Whole{
		Copies: copies, Elapsed: Seconds(elapsed.Seconds()),
		CPU:                  float64(after.cpu-before.cpu) / float64(time.Millisecond) / length.Seconds() / float64(copies),
		WindowsPerSecond:     windows / elapsed.Seconds(),
		P50:                  quantile(seen.ms, 0.5),
		P99:                  quantile(seen.ms, 0.99),
		AllocationsPerWindow: float64(after.allocations-before.allocations) / max(windows, 1),
	}, nil
}

// quantile sorts the values and returns the nearest rank.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(int(q*float64(len(values))), len(values)-1)]
}
