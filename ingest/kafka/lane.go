package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	tick  = 100 * time.Millisecond
	slice = 20 * time.Millisecond // how long records are handled without a look at the clock and at requests
	bound = 500 * time.Millisecond
)

// lane is a partition number that this member has: a goroutine that handles
// its records, and one for each topic that fetches them.
type lane struct {
	c         *Consumer
	partition int

	ctx    context.Context //nolint:containedctx // ends when the partition is lost; given to the handler
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when the goroutine has ended and the handler's lane is closed

	wake    chan struct{} // there may be a record
	room    chan struct{} // there may be room in a buffer
	pauses  chan pausing
	resumes chan struct{}

	mu    sync.Mutex // guards what follows
	merge *merge
	busy  time.Time // when the last record came

	// Of the lane's goroutine alone:
	open      Lane
	dead      deadLetters
	first     []int64 // by topic: where it began
	committed []int64 // by topic; -1 is nothing yet
	handled   []int64 // by topic: records since they were last counted
}

// pausing asks the lane to checkpoint and stand still until it is resumed.
type pausing struct {
	ctx  context.Context //nolint:containedctx // bounds the request
	done chan error
}

func (c *Consumer) startLane(ctx context.Context, partition int) *lane {
	l := &lane{
		c: c, partition: partition,
		done: make(chan struct{}), wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
		pauses: make(chan pausing), resumes: make(chan struct{}),
		handled: make([]int64, len(c.cfg.Topics)),
	}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	go func() {
		defer close(l.done)
		switch err := l.run(); { //nolint:contextcheck // counting needs none
		case err == nil || errors.Is(err, l.ctx.Err()):
		case l.ctx.Err() == nil:
			c.fail(fmt.Errorf("partition %d: %w", partition, err))
		default:
			c.set.Logger.WarnContext(ctx, "a lane did not close", slog.Int("partition", partition), slog.Any("error", err))
		}
		l.cancel(nil)
	}()
	return l
}

// pause returns when the lane stands still, after a checkpoint. The error says
// that it does not, or that the checkpoint failed: then it must be dropped.
func (l *lane) pause(ctx context.Context) error {
	p := pausing{ctx: ctx, done: make(chan error, 1)}
	select {
	case l.pauses <- p:
	case <-l.done:
		return ErrLost
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// resume lets a lane that stands still go on.
func (l *lane) resume() {
	select {
	case l.resumes <- struct{}{}:
	case <-l.done:
	}
}

// drop ends the lane at once and waits for it.
func (l *lane) drop() {
	l.cancel(ErrLost)
	<-l.done
}

func (l *lane) run() (err error) {
	if err = l.begin(); err != nil {
		return err
	}
	if l.open, err = l.c.handler.Open(l.ctx, l.partition, l.c.stateOf(l)); err != nil {
		return fmt.Errorf("open the lane: %w", err)
	}
	defer func() { err = errors.Join(err, l.open.Close()) }()

	var feeds sync.WaitGroup
	defer feeds.Wait()
	feeding, stop := context.WithCancel(l.ctx)
	defer stop()
	for i := range l.c.cfg.Topics {
		feeds.Go(func() { l.feed(feeding, i) })
	}
	defer l.flushCounts()
	if err = l.loop(); l.ctx.Err() != nil {
		return nil // what failed after that is of no interest
	}
	return err
}

func (l *lane) loop() error {
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	checkpoints := time.NewTicker(l.c.cfg.Checkpoint)
	defer checkpoints.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return nil
		case p := <-l.pauses:
			err := l.checkpoint(p.ctx)
			if p.done <- err; err != nil && l.fatal(err) {
				return err
			}
			select {
			case <-l.resumes:
			case <-l.ctx.Done():
				return nil
			}
		case now := <-ticks.C:
			if err := l.open.Tick(now); err != nil {
				return err
			}
		case <-checkpoints.C:
			if err := l.checkpointWithin(2 * l.c.cfg.RequestTimeout); err != nil && l.fatal(err) {
				return err
			}
		case <-l.wake:
		}
		if err := l.pump(); err != nil {
			return err
		}
	}
}

// pump handles the records that can be, for a while.
func (l *lane) pump() error {
	until := time.Now().Add(slice)
	for {
		now := time.Now()
		if !l.c.lease.held(now) {
			l.cancel(ErrLost) // the group may have given the partition away
			signal(l.c.lapsed)
		}
		if l.ctx.Err() != nil {
			return nil //nolint:nilerr // the lane is lost, which is no failure
		}
		l.mu.Lock()
		e, _, ok := l.merge.pop(now)
		l.mu.Unlock()
		if !ok {
			l.flushCounts()
			return nil
		}
		signal(l.room)
		if err := l.handle(e); err != nil {
			return err
		}
		if now.After(until) {
			signal(l.wake)
			l.flushCounts()
			return nil
		}
	}
}

func (l *lane) handle(e entry) error {
	err := e.bad
	if err == nil {
		err = l.open.Handle(l.ctx, e.Record)
	}
	switch {
	case err == nil:
	case errors.Is(err, ErrPoison):
		l.c.counters.poison(e.Topic)
		l.dead.add(e.Record, err, l.c.cfg.MaxMessage)
		if l.dead.full() {
			err = l.flushDead(l.ctx)
		} else {
			err = nil
		}
	default:
		err = fmt.Errorf("record %d of %s: %w", e.Offset, e.Topic, err)
	}
	for i, t := range l.c.cfg.Topics {
		if t == e.Topic {
			l.handled[i]++
		}
	}
	return err
}

func (l *lane) flushCounts() {
	for i, n := range l.handled {
		if n > 0 {
			l.c.counters.handle(l.c.cfg.Topics[i], n)
			l.handled[i] = 0
		}
	}
}
