// Package batch gathers windows of many sessions into batches for a Predictor.
//
// A batch starts when it is full or when its first window has waited long
// enough, and a worker is free; until then it takes in whoever comes. Each
// window has its own answer: an error, a cancelled context or a missed deadline
// of one leaves the others of its batch alone. There is no queue but the
// callers themselves: Score blocks, and that is the back-pressure.
//
// Windows of one participant are scored one at a time in the order in which
// Score was called for them, so no batch can reorder them.
//
// Telemetry: valence.batch.size and valence.batch.queue.duration, and for each
// batch a span "score batch", linked to the spans of its windows.
package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/internal/telemetry"
)

var (
	// ErrDeadline says that a window waited longer than Config.Deadline; it was
	// not scored.
	ErrDeadline = errors.New("no batch in time")
	// ErrClosed says that the Batcher was shut down before the window was
	// scored.
	ErrClosed = errors.New("batcher closed")
	// ErrPredictor says that the Predictor broke its contract.
	ErrPredictor = errors.New("predictor")
)

// Batcher scores windows in batches. Its methods may be called from several
// goroutines.
type Batcher struct {
	cfg     Config
	next    inference.Predictor
	meter   meter
	turns   turns
	workers chan *worker

	mu       sync.Mutex
	forming  *gathering // the batch that has room; nil if there is none
	active   int        // calls of Score, and batches
	closed   bool
	draining chan struct{} // closed by Shutdown
	drained  chan struct{} // closed when the last of them has left
	aborted  chan struct{} // closed when Shutdown lost its patience
}

// worker is the right to run a batch, with memory for its windows and for an
// item alone.
type worker struct {
	windows []*features.Window
	alone   [1]*item
}

// New checks the settings and starts nothing. next must be ready until
// Shutdown has returned.
func New(cfg Config, set telemetry.Settings, next inference.Predictor) (*Batcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	told, err := newMeter(set)
	if err != nil {
		return nil, err
	}
	b := &Batcher{
		cfg: cfg, next: next, meter: told,
		turns:    newTurns(),
		workers:  make(chan *worker, cfg.workers()),
		draining: make(chan struct{}),
		drained:  make(chan struct{}),
		aborted:  make(chan struct{}),
	}
	for range cap(b.workers) {
		b.workers <- &worker{windows: make([]*features.Window, 0, cfg.MaxSize), alone: [1]*item{new(item)}}
	}
	return b, nil
}

// Score scores one window and blocks until that is done, which may be for long
// if there is more to score than can be. The error is that of the Predictor for
// this window, the cause of ctx, ErrDeadline or ErrClosed. A window whose ctx
// ends while its batch runs is given up at once; its batch goes on.
func (b *Batcher) Score(ctx context.Context, w *features.Window) (inference.Score, error) {
	if err := b.enter(); err != nil {
		return inference.Score{}, fmt.Errorf("score %s: %w", w.ID(), err)
	}
	defer b.leave()
	p := b.patience(ctx)
	defer p.stop()
	result := b.score(ctx, &p, w)
	if result.Err != nil {
		return inference.Score{}, result.Err
	}
	return result.Score, nil
}

func (b *Batcher) score(ctx context.Context, p *patience, w *features.Window) inference.Result {
	arrived := time.Now()
	err := context.Cause(ctx)
	if err == nil {
		err = b.turns.take(p, w.Participant)
	}
	if err != nil {
		return inference.Result{Err: fmt.Errorf("score %s: %w", w.ID(), err)}
	}
	defer b.turns.pass(w.Participant)
	if b.cfg.MaxSize > 1 {
		return b.scoreTogether(ctx, p, &item{ctx: ctx, window: w, arrived: arrived})
	}
	return b.scoreAlone(ctx, p, w, arrived)
}

// scoreAlone runs a batch of one on the caller's goroutine.
func (b *Batcher) scoreAlone(ctx context.Context, p *patience, w *features.Window, arrived time.Time) inference.Result {
	worker, err := receive(p, b.workers)
	if err != nil {
		return inference.Result{Err: fmt.Errorf("score %s: %w", w.ID(), err)}
	}
	defer func() { b.workers <- worker }()
	it := worker.alone[0]
	it.ctx, it.window, it.arrived = ctx, w, arrived
	b.run(ctx, worker, worker.alone[:])
	result := it.result
	it.ctx, it.window, it.result = nil, nil, inference.Result{}
	return result
}

// run scores the items, in their order, and writes their results.
func (b *Batcher) run(ctx context.Context, worker *worker, items []*item) {
	begin := time.Now()
	ctx, end := b.meter.batch(ctx, begin, items)
	defer end()
	worker.windows = worker.windows[:0]
	for _, it := range items {
		worker.windows = append(worker.windows, it.window)
	}
	results := b.next.Predict(ctx, worker.windows)
	clear(worker.windows)
	for i, it := range items {
		if len(results) != len(items) {
			it.result.Err = fmt.Errorf("%w: %d results for %d windows", ErrPredictor, len(results), len(items))
			continue
		}
		it.result = results[i]
		if it.result.Err == nil {
			it.result.Score.Queue = begin.Sub(it.arrived)
		}
	}
}

// Shutdown refuses new windows, starts the batches that are forming, and waits
// until every Score has returned. When ctx ends before that, those that are
// left return ErrClosed and Shutdown the cause of ctx; the Predictor may then
// still be running, and another Shutdown waits for it.
func (b *Batcher) Shutdown(ctx context.Context) error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.draining)
		if b.active == 0 {
			close(b.drained)
		}
	}
	b.mu.Unlock()
	select {
	case <-b.drained:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.active == 0 {
		return nil
	}
	select {
	case <-b.aborted:
	default:
		close(b.aborted)
	}
	return fmt.Errorf("shut the batcher down with windows left: %w", context.Cause(ctx))
}

func (b *Batcher) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	b.active++
	return nil
}

func (b *Batcher) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.active--
	if b.closed && b.active == 0 {
		close(b.drained)
	}
}
