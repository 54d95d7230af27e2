// Package queue is the hand-over between two stages: bounded, with a written
// policy for when it is full, and a count of everything that it dropped.
package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrClosed says that the queue takes no more, and, from Get, that it is empty
// besides.
var ErrClosed = errors.New("the queue is closed")

// ErrCapacity says that a queue cannot have that size or policy.
var ErrCapacity = errors.New("unusable queue")

// Policy says what Put does with a full queue.
type Policy uint8

// The policies.
const (
	Block      Policy = iota // wait for room: back-pressure, for an input that can wait
	DropOldest               // make room: for live input, where the newest counts
)

// Reason says why something was dropped. The values label a metric.
type Reason string

// Why something is dropped.
const (
	ReasonFull      Reason = "full"      // DropOldest made room
	ReasonAbandoned Reason = "abandoned" // still waiting when Discard was called
)

// Queue is a first-in-first-out queue of a fixed capacity. Its methods may be
// called from any goroutine; what one goroutine puts comes out in its order.
type Queue[T any] struct {
	policy Policy
	drop   func(T, Reason)

	mu      sync.Mutex
	changed sync.Cond
	items   []T // a ring: n of them from head on
	head, n int
	closed  bool
	dropped map[Reason]uint64
}

// New returns an open queue. drop, which may be nil, is called with each
// dropped item, so that its owner can release what it holds; it is called
// without the queue's lock, by the goroutine that called Put or Discard.
func New[T any](capacity int, policy Policy, drop func(T, Reason)) (*Queue[T], error) {
	if capacity < 1 {
		return nil, fmt.Errorf("%w: the capacity is %d, it must be at least 1", ErrCapacity, capacity)
	}
	if policy > DropOldest {
		return nil, fmt.Errorf("%w: there is no policy %d", ErrCapacity, policy)
	}
	if drop == nil {
		drop = func(T, Reason) {}
	}
	q := &Queue[T]{policy: policy, drop: drop, items: make([]T, capacity), dropped: make(map[Reason]uint64)}
	q.changed.L = &q.mu
	return q, nil
}

// Put adds v at the end. If the queue is full it waits or drops the oldest, as
// its policy says; only where it would have to wait does it look at ctx. The
// queue owns v only if the error is nil; else it is ErrClosed or that of ctx,
// and v stays with the caller.
func (q *Queue[T]) Put(ctx context.Context, v T) error {
	oldest, full, err := q.put(ctx, v)
	if full {
		q.drop(oldest, ReasonFull)
	}
	return err
}

// put returns also what had to make room.
func (q *Queue[T]) put(ctx context.Context, v T) (oldest T, full bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.policy == Block {
		err = q.wait(ctx, func() bool { return q.n < len(q.items) })
	}
	switch {
	case q.closed:
		return oldest, false, ErrClosed
	case err != nil:
		return oldest, false, err
	case q.n == len(q.items):
		oldest, full = q.take(), true
		q.dropped[ReasonFull]++
	}
	q.items[(q.head+q.n)%len(q.items)] = v
	q.n++
	q.changed.Broadcast()
	return oldest, full, nil
}

// Get takes the oldest item, or waits for one. After Close it returns what is
// left and then ErrClosed. An item that is there is returned even if ctx is
// done.
func (q *Queue[T]) Get(ctx context.Context) (T, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.wait(ctx, func() bool { return q.n > 0 })
	if q.n > 0 {
		v := q.take()
		q.changed.Broadcast()
		return v, nil
	}
	var none T
	if q.closed {
		return none, ErrClosed
	}
	return none, err
}

// wait returns when it is so, when the queue is closed, or with the error of
// ctx. The caller holds the lock.
func (q *Queue[T]) wait(ctx context.Context, so func() bool) error {
	if so() || q.closed {
		return nil
	}
	defer context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.changed.Broadcast()
	})()
	for !so() && !q.closed {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.changed.Wait()
	}
	return nil
}

// take removes the oldest item; there is one, and the caller holds the lock.
func (q *Queue[T]) take() T {
	var none T
	v := q.items[q.head]
	q.items[q.head] = none
	q.head = (q.head + 1) % len(q.items)
	q.n--
	return v
}

// Close ends the queue for Put; what is in it can still be got. Calling it
// again does nothing.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}

// Discard closes the queue and drops what is left: at the end of a shutdown
// whose deadline has passed.
func (q *Queue[T]) Discard() {
	q.Close()
	for {
		q.mu.Lock()
		if q.n == 0 {
			q.mu.Unlock()
			return
		}
		v := q.take()
		q.dropped[ReasonAbandoned]++
		q.mu.Unlock()
		q.drop(v, ReasonAbandoned)
	}
}

// Len returns how many items wait.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

// Dropped returns how many items were dropped so far for a reason.
func (q *Queue[T]) Dropped(why Reason) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped[why]
}
