package batch

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
)

// item is one call of Score.
type item struct {
	ctx     context.Context //nolint:containedctx // that of the call, for links and exemplars
	window  *features.Window
	arrived time.Time
	result  inference.Result

	// claimed decides between its batch, which would run it, and its caller, who
	// would give it up: the first to set it.
	claimed atomic.Bool
	done    chan struct{} // closed when result is there; nil for an item alone
}

// claim reports whether the item is the caller's to decide.
func (it *item) claim() bool { return it.claimed.CompareAndSwap(false, true) }

// gathering is a batch that is forming, or waits for a worker.
type gathering struct {
	items []*item
	full  chan struct{}
}

// scoreTogether joins the batch that is forming and waits for it.
func (b *Batcher) scoreTogether(ctx context.Context, p *patience, it *item) inference.Result {
	it.done = make(chan struct{})
	b.join(ctx, it)
	late := p.late()
	for {
		var given error
		select {
		case <-it.done:
			return it.result
		case <-ctx.Done():
			given = context.Cause(ctx)
		case <-b.aborted:
			given = ErrClosed
		case <-late:
			if late = nil; !it.claim() {
				continue // its batch has started: that is in time
			}
			given = fmt.Errorf("%w: it waited %s", ErrDeadline, p.after)
		}
		it.claim() // if its batch runs already, the answer is thrown away
		return inference.Result{Err: fmt.Errorf("score %s: %w", it.window.ID(), given)}
	}
}

// join adds the item to the batch that is forming; the first of a batch starts
// the goroutine that runs it.
func (b *Batcher) join(ctx context.Context, it *item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.forming == nil {
		b.forming = &gathering{full: make(chan struct{})}
		b.active++
		go b.gather(context.WithoutCancel(ctx), b.forming)
	}
	g := b.forming
	g.items = append(g.items, it)
	if len(g.items) == b.cfg.MaxSize {
		close(g.full)
		b.forming = nil
	}
}

// gather waits until a batch is to start and a worker is free, and runs it.
func (b *Batcher) gather(ctx context.Context, g *gathering) {
	defer b.leave()
	delay := time.NewTimer(b.cfg.MaxDelay)
	defer delay.Stop()
	select {
	case <-g.full:
	case <-delay.C:
	case <-b.draining:
	}
	var w *worker
	select {
	case w = <-b.workers:
	case <-b.aborted:
		return
	}
	defer func() { b.workers <- w }()

	b.mu.Lock()
	if b.forming == g {
		b.forming = nil
	}
	b.mu.Unlock()
	running := g.items[:0]
	for _, it := range g.items {
		if it.claim() {
			running = append(running, it)
		}
	}
	if len(running) == 0 {
		return
	}
	b.run(ctx, w, running)
	for _, it := range running {
		close(it.done)
	}
}
