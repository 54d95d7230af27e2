package batch

import (
	"context"
	"fmt"
	"time"
)

// patience is how long one call of Score waits.
type patience struct {
	ctx      context.Context //nolint:containedctx // it lives as long as the call that it belongs to
	after    time.Duration
	deadline *time.Timer // nil without a deadline
	aborted  <-chan struct{}
}

func (b *Batcher) patience(ctx context.Context) patience {
	p := patience{ctx: ctx, after: b.cfg.Deadline, aborted: b.aborted}
	if p.after > 0 {
		p.deadline = time.NewTimer(p.after)
	}
	return p
}

func (p *patience) stop() {
	if p.deadline != nil {
		p.deadline.Stop()
	}
}

// late is a channel that delivers at the deadline, if there is one.
func (p *patience) late() <-chan time.Time {
	if p.deadline == nil {
		return nil
	}
	return p.deadline.C
}

// receive takes one from c, or returns why it was not waited for any longer.
// Those who wait are served in the order in which they came.
func receive[T any](p *patience, c <-chan T) (T, error) {
	var none T
	// A context that has ended wins over a value that is there.
	if err := p.ctx.Err(); err != nil {
		return none, context.Cause(p.ctx)
	}
	select {
	case v := <-c:
		return v, nil
	default:
	}
	select {
	case v := <-c:
		return v, nil
	case <-p.ctx.Done():
		return none, context.Cause(p.ctx)
	case <-p.late():
		return none, fmt.Errorf("%w: it waited %s", ErrDeadline, p.after)
	case <-p.aborted:
		return none, ErrClosed
	}
}
