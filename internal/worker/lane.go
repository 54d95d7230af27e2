package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/valence-live/valence/ingest/kafka"
	"github.com/valence-live/valence/internal/wire"
)

// lane implements kafka.Lane: the calls of one partition number.
type lane struct {
	worker    *Worker
	partition int
	state     kafka.State     // nil where nothing is kept
	ctx       context.Context //nolint:containedctx // the lane's life, which bounds its calls

	next     offsets // of each topic, the record after the last that was handled
	log      time.Time
	sessions map[string]*session
	left     map[string]snapshot // of calls of an earlier owner, until their first record
	over     map[string]*over    // calls that have ended, while records of them may be read again
	dirty    map[string][]byte   // what the next checkpoint saves or deletes besides the state of open calls
}

// Handle implements kafka.Lane.
func (l *lane) Handle(ctx context.Context, r kafka.Record) error {
	if r.Time.After(l.log) {
		l.log = r.Time
	}
	ended, err := l.handle(ctx, r)
	l.next[r.Topic] = r.Offset + 1
	if err == nil && ended != nil {
		err = l.finish(ctx, ended)
	}
	if poison, ok := errors.AsType[*wire.PoisonError](err); ok {
		return fmt.Errorf("%w: %w", kafka.ErrPoison, poison)
	}
	if err != nil {
		return err
	}
	return l.closeIdle(ctx)
}

// handle returns the call that the record ends, if it does.
func (l *lane) handle(ctx context.Context, r kafka.Record) (*session, error) {
	record := asWire(r)
	id, participant, err := record.Who()
	if err != nil || l.over[id].holds(r) {
		return nil, err
	}
	read, err := parse(r.Topic, record)
	if err != nil {
		return nil, err
	}
	if _, ok := l.next[r.Topic]; !ok {
		l.next[r.Topic] = r.Offset
	}
	s := l.session(id)
	s.heard = l.log
	s.trace(ctx, participant, record.Traceparent())
	s.marks.note(s.now, l.next)
	ended, err := read.apply(ctx, s, participant)
	if err != nil || !ended {
		return nil, err
	}
	return s, nil
}

// asWire is the record without its place.
func asWire(r kafka.Record) wire.Record {
	headers := make([]wire.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = wire.Header(h)
	}
	return wire.Record{Key: r.Key, Value: r.Value, Headers: headers}
}

// session returns the call of that id, begun or taken over if there is none.
func (l *lane) session(id string) *session {
	s, ok := l.sessions[id]
	if !ok {
		s = newSession(l, id)
		l.sessions[id] = s
	}
	return s
}

// Tick implements kafka.Lane.
func (l *lane) Tick(now time.Time) error {
	for _, s := range l.sessions {
		if s.call == nil {
			continue // nothing but a consent has come
		}
		if err := s.call.Tick(now); err != nil {
			return err
		}
	}
	return nil
}

// closeIdle closes the calls of which nothing has come while the log went on.
func (l *lane) closeIdle(ctx context.Context) error {
	for _, s := range l.sessions {
		if l.log.Sub(s.heard) > l.worker.cfg.Idle {
			l.worker.count.closed(ctx, "idle")
			if err := l.finish(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish closes a call: what is open becomes final. Nothing of it is needed any
// more, but it may be read again because of other calls.
func (l *lane) finish(ctx context.Context, s *session) error {
	delete(l.sessions, s.id)
	if err := s.finish(ctx); err != nil {
		return err
	}
	return l.end(s)
}

// Checkpoint implements kafka.Lane.
func (l *lane) Checkpoint(ctx context.Context) (map[string]int64, error) {
	place := maps.Clone(l.next)
	values := maps.Clone(l.dirty)
	for _, s := range l.sessions {
		needed, err := s.checkpoint(ctx, values)
		if err != nil {
			return nil, err
		}
		place.least(needed)
	}
	if ok, err := l.delivered(ctx); !ok || err != nil {
		return map[string]int64{}, err
	}
	l.forgetOver(place, values)
	for _, s := range l.left { // nothing was read of them yet: they wait where they are
		if l.log.Sub(s.heard) > l.worker.cfg.Idle && !l.log.IsZero() {
			s.forget(values)
			delete(l.left, s.id)
		}
	}
	if l.state != nil && len(values) > 0 {
		if err := l.state.Save(ctx, values); err != nil {
			return nil, err
		}
	}
	clear(l.dirty)
	return place, nil
}

// deliveryWait is how long a checkpoint waits for sinks. It is put off where one is
// in trouble: the scores must go on to the others.
const deliveryWait = time.Second

// delivered reports whether the sinks have what was published so far.
func (l *lane) delivered(ctx context.Context) (bool, error) {
	flush := l.worker.cfg.Flush
	if flush == nil {
		return true, nil
	}
	soon, cancel := context.WithTimeout(ctx, deliveryWait)
	defer cancel()
	err := flush(soon)
	if err != nil && soon.Err() != nil && ctx.Err() == nil {
		return false, nil
	}
	return err == nil, err
}

// Close implements kafka.Lane.
func (l *lane) Close() error {
	for _, s := range l.sessions {
		s.abandon()
	}
	return nil
}
