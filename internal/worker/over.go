package worker

import (
	"maps"
	"time"

	"google.golang.org/protobuf/proto"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest/kafka"
)

// over is a call that has ended. Its records are read again as long as the
// offsets lie before them, because of other calls of the lane; what a part of
// them looked like would contradict what was published.
type over struct {
	people map[string]bool
	at     offsets   // behind its last record
	since  time.Time // of the log
}

// holds reports whether a record is of the call that has ended.
func (o *over) holds(r kafka.Record) bool { return o != nil && r.Offset < o.at[r.Topic] }

// end remembers a call that was finished, here and for the next owner.
func (l *lane) end(s *session) error {
	o := &over{people: map[string]bool{}, at: maps.Clone(l.next), since: l.log}
	if before, ok := l.over[s.id]; ok {
		o.people = before.people
	}
	for who := range s.people {
		o.people[who] = true
	}
	if s.from != nil {
		for who := range s.from.rights {
			o.people[who] = true
		}
	}
	for who := range o.people {
		value, err := proto.MarshalOptions{Deterministic: true}.Marshal(&valencev1.State{Session: s.id, Participant: who, Ended: o.at})
		if err != nil {
			return err
		}
		l.dirty[stateKey(s.id, who)] = value
	}
	if len(o.people) > 0 {
		l.over[s.id] = o
	}
	return nil
}

// addOver notes what an earlier owner says of a call that has ended.
func (l *lane) addOver(record *valencev1.State) {
	if len(record.GetEnded()) == 0 {
		return
	}
	o, ok := l.over[record.GetSession()]
	if !ok {
		o = &over{people: map[string]bool{}, at: offsets{}}
		l.over[record.GetSession()] = o
	}
	o.people[record.GetParticipant()] = true
	for topic, next := range record.GetEnded() {
		o.at[topic] = max(o.at[topic], next)
	}
}

// forgetOver lets go of calls of which nothing will be read again: the offsets
// have passed them, and that was long enough ago to have been committed.
func (l *lane) forgetOver(place offsets, values map[string][]byte) {
	for id, o := range l.over {
		if o.since.IsZero() {
			o.since = l.log
		}
		if !o.passed(place) || l.log.Sub(o.since) <= l.worker.cfg.Idle {
			continue
		}
		delete(l.over, id)
		for who := range o.people {
			if !l.goesOn(id, who) {
				values[stateKey(id, who)] = nil
			}
		}
	}
}

// passed reports whether the place is behind the call.
func (o *over) passed(place offsets) bool {
	for topic, next := range o.at {
		if at, ok := place[topic]; !ok || at < next {
			return false
		}
	}
	return true
}

// goesOn reports whether the state of somebody is of a call that is not over.
func (l *lane) goesOn(id, who string) bool {
	if s, ok := l.sessions[id]; ok && s.people[who] != nil {
		return true
	}
	left, ok := l.left[id]
	_, there := left.rights[who]
	return ok && there
}
