package batch_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/inference/batch"
)

// instant answers without work and without memory of its own.
type instant struct{ results [64]inference.Result }

func (p *instant) Predict(_ context.Context, windows []*features.Window) []inference.Result {
	return p.results[:len(windows)]
}

// BenchmarkScore is what the batcher itself costs a window.
func BenchmarkScore(b *testing.B) {
	for _, cfg := range []batch.Config{
		{MaxSize: 1, Workers: 2},
		{MaxSize: 1, Workers: 2, Deadline: 1e9},
		{MaxSize: 2, Workers: 2},
	} {
		b.Run(fmt.Sprintf("size=%d,deadline=%s", cfg.MaxSize, cfg.Deadline), func(b *testing.B) {
			batcher := newBatcher(b, cfg, &instant{})
			w := people(b, 1)[0]
			b.ReportAllocs()
			for b.Loop() {
				if _, err := batcher.Score(b.Context(), w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkScoreParallel is the same with more callers than workers.
func BenchmarkScoreParallel(b *testing.B) {
	for _, size := range []int{1, 8} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			batcher := newBatcher(b, batch.Config{MaxSize: size, Workers: 2}, &instant{})
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				w := people(b, 1)[0]
				for pb.Next() {
					if _, err := batcher.Score(b.Context(), w); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
