package memory

import "time"

// Forget erases a session, or with a participant that person's part of it:
// events, status, and what watchers have not read yet.
func (s *Store) Forget(session, participant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(session, participant)
}

func (s *Store) forget(session, participant string) {
	for _, of := range []string{session, ""} {
		for w := range s.watchers[of] {
			w.forget(session, participant)
		}
	}
	call, ok := s.sessions[session]
	if !ok {
		return
	}
	if participant == "" {
		delete(s.sessions, session)
		return
	}
	delete(call.participants, participant)
	delete(call.statuses, participant)
	s.sweep(session, call)
}

// Expire forgets the events of windows that ended before the instant, the
// statuses of those without a connection that are older, and the sessions of
// which nothing is left. Config.Age counts in event time and so keeps the end
// of a call that is over; whoever runs a live store calls Expire now and then.
func (s *Store) Expire(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, call := range s.sessions {
		for who, h := range call.participants {
			if h.expire(before); len(h.events) == 0 {
				delete(call.participants, who)
			}
		}
		for who, status := range call.statuses {
			if !status.Connected && status.At.Before(before) {
				delete(call.statuses, who)
			}
		}
		s.sweep(id, call)
	}
}

// sweep forgets a session of which nothing is left.
func (s *Store) sweep(id string, call *session) {
	if len(call.participants) == 0 && len(call.statuses) == 0 {
		delete(s.sessions, id)
	}
}

func (s *Store) forgetQuietest() {
	var quietest string
	turn := s.turn
	for id, call := range s.sessions {
		if call.turn < turn {
			quietest, turn = id, call.turn
		}
	}
	delete(s.sessions, quietest)
}
