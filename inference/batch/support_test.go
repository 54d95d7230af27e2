package batch_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/inference/batch"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// predictor answers each window with its revision, after some time, and keeps
// what it was asked.
type predictor struct {
	takes   time.Duration
	fail    map[int]error // by revision
	mu      sync.Mutex
	batches [][]*features.Window
}

func (p *predictor) Predict(_ context.Context, windows []*features.Window) []inference.Result {
	p.mu.Lock()
	p.batches = append(p.batches, append([]*features.Window(nil), windows...))
	p.mu.Unlock()
	if p.takes > 0 {
		time.Sleep(p.takes)
	}
	results := make([]inference.Result, len(windows))
	for i, w := range windows {
		if err := p.fail[w.Revision]; err != nil {
			results[i].Err = err
			continue
		}
		results[i].Score = inference.Score{Window: w, Value: float64(w.Revision)}
	}
	return results
}

// sizes are those of the batches so far.
func (p *predictor) sizes() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sizes []int
	for _, b := range p.batches {
		sizes = append(sizes, len(b))
	}
	return sizes
}

func newBatcher(tb testing.TB, cfg batch.Config, next inference.Predictor) *batch.Batcher {
	tb.Helper()
	b, err := batch.New(cfg, telemetry.Nop(), next)
	require.NoError(tb, err)
	return b
}

// person returns a participant of a name.
func person(tb testing.TB, name string) *ingest.Participant {
	tb.Helper()
	p, err := ingest.NewParticipant("call", name)
	require.NoError(tb, err)
	return p
}

// people returns windows of n persons, revision i for the i-th.
func people(tb testing.TB, n int) []*features.Window {
	tb.Helper()
	windows := make([]*features.Window, n)
	for i := range windows {
		windows[i] = &features.Window{Participant: person(tb, strconv.Itoa(i)), Kind: features.Sliding, Revision: i}
	}
	return windows
}

// answer is what a call of Score came to.
type answer struct {
	score inference.Score
	err   error
	took  time.Duration
}

// ask calls Score in a goroutine of its own.
func ask(ctx context.Context, b *batch.Batcher, w *features.Window) <-chan answer {
	c := make(chan answer, 1)
	go func() {
		begin := time.Now()
		s, err := b.Score(ctx, w)
		c <- answer{s, err, time.Since(begin)}
	}()
	return c
}
