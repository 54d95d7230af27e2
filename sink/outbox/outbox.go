// Package outbox stands between the scoring and one sink, so that the trouble
// of that sink stops neither the scoring nor another sink.
//
// Events wait in a bounded line and are handed over in order by one goroutine.
// What the sink fails to take is tried again, before anything that came later:
// the events of a participant keep their order. After a failure the sink is left
// alone for a while (a circuit that opens), then tried with one event.
//
// A line that is full lets provisional events go, the oldest first, whoever's
// they are; a final is dropped only where finals alone fill it, and only if the
// policy says so. Everything that is dropped is counted by reason.
//
// Metrics, by sink: valence.sink.waiting, valence.sink.circuit (0 takes events,
// 1 is being tried, 2 is in trouble), valence.sink.delivered,
// valence.sink.dropped (by reason), valence.sink.failures,
// valence.sink.publish.duration.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
)

// ErrRefused says that a sink will not take an event however often it is
// offered. A Publisher wraps it; the outbox drops the event.
var ErrRefused = errors.New("the sink refuses the event")

// ErrStarted says that an Outbox was started twice, or after it was shut down.
var ErrStarted = errors.New("the outbox was started or shut down before")

// Batcher is a Publisher that takes several events at once.
type Batcher interface {
	sink.Publisher
	// PublishBatch publishes the events in their order. An error says that some
	// may not have been delivered, and then all may be published again; a
	// *BatchError says which. Of one participant it delivers no event later than
	// one that failed.
	PublishBatch(ctx context.Context, events []*sink.Event) error
}

// Checker is a Publisher that can say, before there is an event, whether it would
// take one. It may make what it needs for that.
type Checker interface {
	Check(ctx context.Context) error
}

// BatchError says which events of a batch were not delivered.
type BatchError struct {
	// Errs has one entry for each event: nil if it was delivered.
	Errs []error
}

// Error says what went wrong and of how many events, each message once: what
// fails a batch mostly fails all of it.
func (e *BatchError) Error() string {
	var messages []string
	count := make(map[string]int)
	for _, err := range e.Unwrap() {
		message := err.Error()
		if count[message]++; count[message] == 1 {
			messages = append(messages, message)
		}
	}
	for i, message := range messages {
		messages[i] = fmt.Sprintf("%d of %d events: %s", count[message], len(e.Errs), message)
	}
	return strings.Join(messages, "\n")
}

// Unwrap makes errors.Is find each of them.
func (e *BatchError) Unwrap() []error {
	var errs []error
	for _, err := range e.Errs {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// Outbox is a sink.Publisher and a sink.Eraser before another one. Its methods
// may be called from any goroutine.
type Outbox struct {
	cfg       Config
	publisher sink.Publisher
	logger    *slog.Logger
	metrics   metrics

	wake   chan struct{} // has room for one: there is something to do
	cancel context.CancelFunc
	ended  chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	changed sync.Cond // something left the line, or it was closed
	line    line
	circuit circuit
	begun   bool
	closing bool
}

// New returns an Outbox before next, which stays the caller's to close after
// Shutdown. name is that of the sink in metrics and logs. It starts nothing.
func New(name string, cfg Config, next sink.Publisher, set telemetry.Settings) (*Outbox, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	o := &Outbox{
		cfg: cfg, publisher: next,
		logger:  set.Logger.With(slog.String("sink", name)),
		wake:    make(chan struct{}, 1),
		ended:   make(chan struct{}),
		line:    line{capacity: cfg.Capacity},
		circuit: circuit{min: cfg.RetryMin, max: cfg.RetryMax},
	}
	o.changed.L = &o.mu
	var err error
	o.metrics, err = newMetrics(name, set.Meter, o)
	return o, err
}

// Start begins to hand events over. A sink that is a Checker is checked first,
// so that who starts the program hears of a wrong address before the first
// call. It returns at once; ctx does not bound what
// it starts, Shutdown does.
func (o *Outbox) Start(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.begun || o.closing {
		return ErrStarted
	}
	o.begun = true
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o.cancel = cancel
	go o.run(running)
	return nil
}

// Publish implements sink.Publisher: it puts the event into the line. It waits
// only where the line is full of finals and the policy is Block. An event that
// gives way is counted, and no error.
func (o *Outbox) Publish(ctx context.Context, e *sink.Event) error {
	return o.publish(ctx, e, o.cfg.Full == Drop)
}

// Patient is the same Outbox for events of an input that can be read later: where
// finals fill the line Publish waits, whatever the policy.
func (o *Outbox) Patient() sink.Publisher { return patient{o} }

type patient struct{ *Outbox }

// Publish implements sink.Publisher.
func (p patient) Publish(ctx context.Context, e *sink.Event) error { return p.publish(ctx, e, false) }

// publish makes the oldest final give way only if it is forced to.
func (o *Outbox) publish(ctx context.Context, e *sink.Event, force bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	it := &item{event: e, at: time.Now()}
	o.mu.Lock()
	gave, err := o.put(ctx, it, force)
	waiting := o.line.all.Len()
	o.mu.Unlock()
	if gave != nil {
		o.metrics.drop(ctx, gave, reasonFull)
	}
	if waiting == 1 || waiting >= o.cfg.Batch {
		o.nudge() // else the goroutine is at work, or waits for more
	}
	return err
}

// put waits for room, if it must. The caller holds the lock.
func (o *Outbox) put(ctx context.Context, it *item, force bool) (gave *item, err error) {
	ok := false
	err = o.wait(ctx, func() bool {
		if o.closing {
			return true
		}
		gave, ok = o.line.put(it, force)
		return ok || force // where everything is under way nothing can give way: it does itself
	})
	switch {
	case o.closing:
		return nil, sink.ErrClosed
	case err != nil:
		return nil, err
	case !ok:
		return it, nil
	default:
		return gave, nil
	}
}

// Erase has the sink forget a participant, if it keeps anything, after what was
// published before and before what comes after. What still waits is dropped. It
// returns when that is done; if ctx ends sooner it is done later all the same.
func (o *Outbox) Erase(ctx context.Context, session, participant string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	who := &erasure{session, participant}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return sink.ErrClosed
	}
	for _, it := range o.line.purge(who) {
		o.metrics.drop(ctx, it, reasonErased)
	}
	o.changed.Broadcast()
	o.line.put(&item{erase: who, at: time.Now()}, true)
	o.nudge()
	return o.passed(ctx, o.line.last)
}

// Flush returns when everything that was published before has been delivered,
// or dropped.
func (o *Outbox) Flush(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.passed(ctx, o.line.last)
}

// passed waits until everything up to seq has left. The caller holds the lock.
func (o *Outbox) passed(ctx context.Context, seq uint64) error {
	return o.wait(ctx, func() bool { return o.line.passed(seq) })
}

// wait returns when it is so, or with the error of ctx. The caller holds the
// lock.
func (o *Outbox) wait(ctx context.Context, so func() bool) error {
	if so() {
		return nil
	}
	defer context.AfterFunc(ctx, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.changed.Broadcast()
	})()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		o.changed.Wait()
		if so() {
			return nil
		}
	}
}

// Waiting returns how many events wait or are under way.
func (o *Outbox) Waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.line.events
}

// Shutdown takes no more events, hands over what waits, and returns when that
// is done. When ctx ends sooner the rest is dropped and counted, and its error
// comes back.
func (o *Outbox) Shutdown(ctx context.Context) error {
	o.mu.Lock()
	o.closing = true
	begun := o.begun
	o.changed.Broadcast()
	o.mu.Unlock()
	if begun {
		o.nudge()
		select {
		case <-o.ended:
		case <-ctx.Done():
			o.cancel()
			<-o.ended
		}
	}
	if left := o.abandon(ctx); left > 0 {
		o.logger.WarnContext(ctx, "events were not delivered", slog.Int("events", left))
		return ctx.Err()
	}
	return nil
}

// abandon drops what is left and returns how much that was.
func (o *Outbox) abandon(ctx context.Context) (events int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.line.taken = nil
	for o.line.all.Len() > 0 {
		it := of(o.line.all.Front())
		o.line.remove(it)
		if it.event != nil {
			o.metrics.drop(ctx, it, reasonShutdown)
			events++
		}
	}
	o.changed.Broadcast()
	return events
}

// nudge wakes the goroutine.
func (o *Outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
