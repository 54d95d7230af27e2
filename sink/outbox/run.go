package outbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/valence-live/valence/sink"
)

// run hands events over until the outbox is closed and empty, or ctx ends.
func (o *Outbox) run(ctx context.Context) {
	defer close(o.ended)
	defer o.cancel()
	o.check(ctx)
	for ctx.Err() == nil {
		batch, wait := o.next(time.Now())
		switch {
		case len(batch) > 0:
			began := time.Now()
			o.settle(ctx, batch, o.hand(ctx, batch), began)
		case wait < 0:
			return
		case !o.sleep(ctx, wait):
			return
		}
	}
}

// check says if the sink would not take events now. They are tried all the same.
func (o *Outbox) check(ctx context.Context) {
	c, ok := o.publisher.(Checker)
	if !ok {
		return
	}
	limited, cancel := context.WithTimeout(ctx, o.cfg.Timeout)
	defer cancel()
	if err := c.Check(limited); err != nil && ctx.Err() == nil {
		o.logger.WarnContext(ctx, "the sink is not ready: events will wait for it", slog.Any("error", err))
	}
}

// next returns what is to be handed over now, or how long to wait at most; less
// than 0 when nothing will come.
func (o *Outbox) next(now time.Time) ([]*item, time.Duration) {
	const long = time.Hour
	o.mu.Lock()
	defer o.mu.Unlock()
	first := o.line.all.Front()
	if first == nil {
		if o.closing {
			return nil, -1
		}
		return nil, long
	}
	if o.circuit.state == closed && !o.closing && o.line.all.Len() < o.cfg.Batch {
		if wait := of(first).at.Add(o.cfg.Linger).Sub(now); wait > 0 {
			return nil, wait
		}
	}
	n, wait := o.circuit.ready(now, o.cfg.Batch)
	if n == 0 {
		return nil, wait
	}
	return o.line.take(n), 0
}

// sleep returns false when ctx has ended.
func (o *Outbox) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-o.wake:
	case <-timer.C:
	}
	return true
}

// hand offers the batch to the sink. It returns an error for each item, nil
// for one that is delivered.
func (o *Outbox) hand(ctx context.Context, batch []*item) []error {
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Timeout)
	defer cancel()
	errs := make([]error, len(batch))
	if who := batch[0].erase; who != nil {
		if eraser, ok := o.publisher.(sink.Eraser); ok {
			errs[0] = eraser.Erase(ctx, who.session, who.participant)
		}
		return errs
	}
	if next, ok := o.publisher.(Batcher); ok {
		events := make([]*sink.Event, len(batch))
		for i, it := range batch {
			events[i] = it.event
		}
		spread(errs, next.PublishBatch(ctx, events))
		return errs
	}
	for i, it := range batch {
		if err := o.publisher.Publish(ctx, it.event); err != nil {
			errs[i] = err
			if refused(it, err) == "" {
				for j := range errs[i:] {
					errs[i+j] = err // the rest keeps its order behind it
				}
				break
			}
		}
	}
	return errs
}

// spread tells the error of a batch to its events.
func spread(errs []error, err error) {
	if each, ok := errors.AsType[*BatchError](err); ok && len(each.Errs) == len(errs) {
		copy(errs, each.Errs)
		return
	}
	if err != nil && len(errs) > 1 {
		err = &sharedError{err}
	}
	for i := range errs {
		errs[i] = err
	}
}

// sharedError is that of a whole batch: what it says may be meant for another
// event of it.
type sharedError struct{ error }

func (e *sharedError) Unwrap() error { return e.error }

// settle removes what was delivered or refused and keeps the rest.
func (o *Outbox) settle(ctx context.Context, batch []*item, errs []error, began time.Time) {
	now := time.Now()
	var failed error
	delivered := 0
	o.mu.Lock()
	o.line.settle(func(i int) bool {
		it, err := batch[i], errs[i]
		if err == nil {
			delivered++
			return true
		}
		if why := refused(it, err); why != "" {
			o.metrics.drop(ctx, it, why)
			return true
		}
		failed = err
		return false
	})
	var trouble bool
	var healed time.Duration
	if failed != nil {
		trouble = o.circuit.fail(now)
	} else {
		healed = o.circuit.succeed(now)
	}
	waiting := o.line.events
	o.changed.Broadcast()
	o.mu.Unlock()

	o.metrics.handed(ctx, now.Sub(began), delivered, failed != nil)
	switch {
	case trouble:
		o.logger.WarnContext(ctx, "the sink is in trouble: events wait", slog.Any("error", failed), slog.Int("waiting", waiting))
	case healed > 0:
		o.logger.InfoContext(ctx, "the sink takes events again", slog.Duration("after", healed), slog.Int("waiting", waiting))
	}
}

// refused says why an event is given up, or nothing if it is to be tried again:
// because the sink says so or is closed, or because nothing can encode it.
func refused(it *item, err error) reason {
	_, shared := errors.AsType[*sharedError](err)
	switch {
	case errors.Is(err, sink.ErrClosed):
		return reasonClosed
	case errors.Is(err, ErrRefused) && !shared:
		return reasonRefused
	case it.event == nil || it.sound:
		return ""
	}
	_, failed := sink.Encode(it.event)
	if it.sound = failed == nil; !it.sound {
		return reasonRefused
	}
	return ""
}
