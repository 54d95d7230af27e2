// Package events reads the topics valence.events and valence.scores rightly.
//
// Delivery is at least once, and a score may be corrected: a reader keeps the
// highest revision of an id. A record without a value says that a person is to
// be forgotten. The package does this for one goroutine, whatever Kafka client
// it reads with: it is given keys, values and headers.
//
//	reader := events.NewReader(events.Default())
//	for each record {
//		change, err := reader.Apply(events.Record{Key: ..., Value: ..., Headers: ...})
//		...
//	}
package events

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/internal/wire"
)

// ErrRecord says that a record is no event. A reader passes it over.
var ErrRecord = errors.New("not an event")

// Record is a record as a Kafka client hands it out. A nil Value is a tombstone.
type Record struct {
	Key, Value []byte
	Headers    []Header
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Config says how much a Reader remembers.
type Config struct {
	// Keep is how long, in capture time behind the newest window of its
	// participant, an event is remembered. What is older can no longer be told
	// from a repeat.
	Keep time.Duration
}

// Default remembers an hour: corrections come within a minute, and after a
// crash a worker goes back by some minutes.
func Default() Config { return Config{Keep: time.Hour} }

// Kind is what a record meant to a Reader.
type Kind int

// The kinds of change.
const (
	Nothing   Kind = iota // a repeat, or an older revision than what is known
	New                   // a window that was not known
	Corrected             // a known window, with a higher revision
	Erased                // a person is to be forgotten
	Late                  // older than what is remembered; the Reader does not keep it
)

// Change is what a record meant.
type Change struct {
	Kind                 Kind
	Session, Participant string
	// Event is the event of the record; nil if Kind is Erased.
	Event *valencev1.Event
	// Before is what Event takes the place of, if Kind is Corrected.
	Before *valencev1.Event
}

// Reader keeps what is known of each call: of each id the highest revision. It
// is used by one goroutine at a time. What it hands out is not to be changed.
type Reader struct {
	cfg   Config
	calls map[string]map[string]*person
}

// person is what is known of one participant.
type person struct {
	events map[string]*valencev1.Event
	newest *valencev1.Event // by window end, then revision
	swept  time.Time        // what ends before was forgotten
}

// NewReader returns a Reader that knows nothing.
func NewReader(cfg Config) *Reader {
	return &Reader{cfg: cfg, calls: map[string]map[string]*person{}}
}

// Apply takes the next record of a topic, and says what it means. The error
// wraps ErrRecord.
func (r *Reader) Apply(record Record) (Change, error) {
	in := wire.Record{Key: record.Key, Value: record.Value}
	for _, h := range record.Headers {
		in.Headers = append(in.Headers, wire.Header(h))
	}
	if record.Value == nil {
		return r.erase(in)
	}
	e, err := wire.DecodeEvent(in)
	if err != nil {
		return Change{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return r.put(e), nil
}

// erase takes a tombstone: its key is the session with the participant in the
// header, or session/participant.
func (r *Reader) erase(in wire.Record) (Change, error) {
	session, participant, joined := strings.Cut(string(in.Key), "/")
	if !joined {
		participant, joined = in.Header(wire.HeaderParticipant)
	}
	if !joined || session == "" || participant == "" {
		return Change{}, fmt.Errorf("%w: a record without a value, key %q, that names no participant", ErrRecord, in.Key)
	}
	people := r.calls[session]
	if delete(people, participant); len(people) == 0 {
		delete(r.calls, session)
	}
	return Change{Kind: Erased, Session: session, Participant: participant}, nil
}

func (r *Reader) put(e *valencev1.Event) Change {
	c := Change{Session: e.GetSession(), Participant: e.GetParticipant(), Event: e}
	people, ok := r.calls[c.Session]
	if !ok {
		people = map[string]*person{}
		r.calls[c.Session] = people
	}
	p, ok := people[c.Participant]
	if !ok {
		p = &person{events: map[string]*valencev1.Event{}}
		people[c.Participant] = p
	}
	known, ok := p.events[e.GetId()]
	switch {
	case ok && known.GetRevision() >= e.GetRevision():
		return c // Nothing
	case ok:
		c.Kind, c.Before = Corrected, known
	case p.newest != nil && end(e).Before(end(p.newest).Add(-r.cfg.Keep)):
		c.Kind = Late
		return c
	default:
		c.Kind = New
	}
	p.events[e.GetId()] = e
	if p.newest == nil || compare(p.newest, e) <= 0 {
		p.newest = e
		p.sweep(r.cfg.Keep)
	}
	return c
}

// sweep forgets what is too old, now and then.
func (p *person) sweep(keep time.Duration) {
	until := end(p.newest).Add(-keep)
	if until.Sub(p.swept) < keep/8 {
		return
	}
	p.swept = until
	for id, e := range p.events {
		if end(e).Before(until) {
			delete(p.events, id)
		}
	}
}

// Latest returns the newest event of a participant, in its highest revision; nil
// if there is none. Provisional events count.
func (r *Reader) Latest(session, participant string) *valencev1.Event {
	p, ok := r.calls[session][participant]
	if !ok {
		return nil
	}
	return p.newest
}

// Events returns what is remembered of a call, in the order in which it counts:
// by window end, then participant.
func (r *Reader) Events(session string) []*valencev1.Event {
	var out []*valencev1.Event
	for _, p := range r.calls[session] {
		for _, e := range p.events {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b *valencev1.Event) int {
		return cmp.Or(end(a).Compare(end(b)), strings.Compare(a.GetParticipant(), b.GetParticipant()), strings.Compare(a.GetId(), b.GetId()))
	})
	return out
}

// Sessions returns the calls of which something is known, in order of their ids.
func (r *Reader) Sessions() []string {
	out := make([]string, 0, len(r.calls))
	for id := range r.calls {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Forget drops what is known of a call, when it is over.
func (r *Reader) Forget(session string) { delete(r.calls, session) }

func end(e *valencev1.Event) time.Time { return e.GetWindow().GetEnd().AsTime() }

// compare orders events of one participant by how new they are.
func compare(a, b *valencev1.Event) int {
	return cmp.Or(end(a).Compare(end(b)), cmp.Compare(a.GetRevision(), b.GetRevision()))
}
