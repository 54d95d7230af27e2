package memory

import (
	"cmp"
	"maps"
	"slices"

	"github.com/valence-live/valence/sink"
)

// Sessions returns the ids of the calls, sorted.
func (s *Store) Sessions() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.sessions))
}

// Participants returns the ids of those who have events in the session, sorted.
func (s *Store) Participants(session string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	call, ok := s.sessions[session]
	if !ok {
		return nil
	}
	return slices.Sorted(maps.Keys(call.participants))
}

// Session returns the events of a call in the order of sink.Compare.
func (s *Store) Session(session string) []*sink.Event {
	s.mu.RLock()
	defer s.mu.RUnlock()
	call, ok := s.sessions[session]
	if !ok {
		return nil
	}
	var events []*sink.Event
	for _, h := range call.participants {
		events = append(events, h.list()...)
	}
	slices.SortFunc(events, sink.Compare)
	return events
}

// Participant returns the events of one participant in the order of their
// windows.
func (s *Store) Participant(session, participant string) []*sink.Event {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if h := s.history(session, participant); h != nil {
		return h.list()
	}
	return nil
}

// Latest returns the event of the participant's newest window, or nil.
func (s *Store) Latest(session, participant string) *sink.Event {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if h := s.history(session, participant); h != nil {
		return h.newest().event
	}
	return nil
}

// Statuses returns the newest status of each participant of the session,
// sorted by participant.
func (s *Store) Statuses(session string) []sink.Status {
	s.mu.RLock()
	defer s.mu.RUnlock()
	call, ok := s.sessions[session]
	if !ok {
		return nil
	}
	return call.list()
}

// Since returns the events of a session that were published after the one at
// the position, as far as they are kept, in the order of publishing. Only the
// newest revision of an id is kept. Positions grow within the whole Store and
// are never given out twice, so a session that was forgotten and came again
// does not repeat them; 0 comes before all.
func (s *Store) Since(session string, position uint64) []Message {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.since(View{Session: session, After: position})
}

// Position returns the position of the newest event that is kept of the
// session, 0 if there is none.
func (s *Store) Position(session string) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var newest uint64
	if call, ok := s.sessions[session]; ok {
		for _, h := range call.participants {
			for _, k := range h.events {
				newest = max(newest, k.position)
			}
		}
	}
	return newest
}

func (s *Store) history(session, participant string) *history {
	if call, ok := s.sessions[session]; ok {
		return call.participants[participant]
	}
	return nil
}

func (c *session) list() []sink.Status {
	var out []sink.Status
	for _, who := range slices.Sorted(maps.Keys(c.statuses)) {
		out = append(out, c.statuses[who])
	}
	return out
}

// since returns the events in the view after its position.
func (s *Store) since(v View) []Message {
	return s.pick(v, func(h *history, take func(*kept)) {
		for _, k := range h.events {
			if k.position > v.After {
				take(k)
			}
		}
	})
}

// newest returns the newest event of each participant in the view.
func (s *Store) newest(v View) []Message {
	return s.pick(v, func(h *history, take func(*kept)) { take(h.newest()) })
}

// pick gathers events of the participants in the view, in the order of
// publishing.
func (s *Store) pick(v View, from func(*history, func(*kept))) []Message {
	var out []Message
	take := func(k *kept) { out = append(out, Message{Event: k.event, Position: k.position}) }
	for id, call := range s.sessions {
		for who, h := range call.participants {
			if v.shows(id, who) {
				from(h, take)
			}
		}
	}
	slices.SortFunc(out, func(a, b Message) int { return cmp.Compare(a.Position, b.Position) })
	return out
}

// statuses returns the newest statuses in the view.
func (s *Store) statuses(v View) []Message {
	var out []Message
	for _, id := range slices.Sorted(maps.Keys(s.sessions)) {
		for _, status := range s.sessions[id].list() {
			if v.shows(id, status.Participant) {
				out = append(out, Message{Status: &status})
			}
		}
	}
	return out
}
