// Package memory is a sink that remembers: the newest revision of each event,
// by session and participant, for whoever shows them in the same process.
package memory

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/valence-live/valence/sink"
)

// Config bounds what a Store remembers. A bound of 0 is none.
type Config struct {
	// Sessions is how many calls are kept: the one that has been quiet for
	// longest goes first.
	Sessions int
	// Events is how many are kept of each participant, the newest.
	Events int
	// Age is how much older than the participant's newest window an event may
	// be, in event time.
	Age time.Duration
}

// Default keeps a thousand calls of up to three hours, at two windows a second.
func Default() Config {
	return Config{Sessions: 1000, Events: 20000, Age: 3 * time.Hour}
}

// Store holds events. All methods may be called from any goroutine; the events
// that they return are shared and read-only.
type Store struct {
	cfg Config

	mu       sync.RWMutex
	sessions map[string]*session
	turn     uint64
	closed   bool
	watchers map[*Watcher]struct{}
}

type session struct {
	participants map[string]*history
	turn         uint64 // when something was published last
}

// New returns an empty Store.
func New(cfg Config) *Store {
	return &Store{cfg: cfg, sessions: map[string]*session{}, watchers: map[*Watcher]struct{}{}}
}

// Publish implements sink.Publisher. A revision that is not higher than the
// one that is known is ignored.
func (s *Store) Publish(ctx context.Context, e *sink.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return sink.ErrClosed
	}
	call := s.session(e.Session)
	h, ok := call.participants[e.Participant]
	if !ok {
		h = &history{byID: map[string]*sink.Event{}}
		call.participants[e.Participant] = h
	}
	if !h.put(e) {
		return nil
	}
	h.trim(s.cfg)
	for w := range s.watchers {
		w.offer(e)
	}
	return nil
}

// session finds or makes the session and makes it the latest.
func (s *Store) session(id string) *session {
	s.turn++
	call, ok := s.sessions[id]
	if !ok {
		if s.cfg.Sessions > 0 && len(s.sessions) >= s.cfg.Sessions {
			s.forgetQuietest()
		}
		call = &session{participants: map[string]*history{}}
		s.sessions[id] = call
	}
	call.turn = s.turn
	return call
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

// Close ends the subscriptions and refuses further events. What is stored can
// still be read.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for w := range s.watchers {
		s.stop(w)
	}
	return nil
}

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
		events = append(events, h.events...)
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
		return slices.Clone(h.events)
	}
	return nil
}

// Latest returns the event of the participant's newest window, or nil.
func (s *Store) Latest(session, participant string) *sink.Event {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if h := s.history(session, participant); h != nil {
		return h.events[len(h.events)-1]
	}
	return nil
}

func (s *Store) history(session, participant string) *history {
	if call, ok := s.sessions[session]; ok {
		return call.participants[participant]
	}
	return nil
}

// Forget erases a session, or with a participant that person's part of it.
func (s *Store) Forget(session, participant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if call, ok := s.sessions[session]; ok && participant != "" {
		delete(call.participants, participant)
		return
	}
	delete(s.sessions, session)
}
