// Package memory is a sink that remembers: the newest revision of each event,
// by session and participant, for whoever shows them in the same process, and
// the newest status of each participant of a live call. A Watcher gets all of
// it as it comes.
package memory

import (
	"context"
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

// Live keeps what a reader of a live call may have missed or wants to see
// first: the last five minutes of a thousand calls.
func Live() Config {
	return Config{Sessions: 1000, Events: 1000, Age: 5 * time.Minute}
}

// Store holds events. All methods may be called from any goroutine; the events
// that they return are shared and read-only.
type Store struct {
	cfg Config

	mu       sync.RWMutex
	sessions map[string]*session
	turn     uint64
	position uint64 // of the newest event; see Since
	closed   bool
	watchers map[string]map[*Watcher]struct{} // by session; those of all sessions under ""
}

// session is one call. It has events or statuses, or is forgotten.
type session struct {
	participants map[string]*history
	statuses     map[string]sink.Status
	turn         uint64 // when something was published last
}

// New returns an empty Store.
func New(cfg Config) *Store {
	return &Store{cfg: cfg, sessions: map[string]*session{}, watchers: map[string]map[*Watcher]struct{}{}}
}

// Publish implements sink.Publisher. A revision that is not higher than the
// one that is known is ignored. No watcher holds it up.
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
		h = newHistory()
		call.participants[e.Participant] = h
	}
	if !h.fresh(e) {
		return nil
	}
	s.position++
	h.put(&kept{event: e, position: s.position})
	h.trim(s.cfg)
	s.offer(e.Session, e.Participant, Message{Event: e, Position: s.position})
	return nil
}

// Tell keeps the newest status of a participant and hands it to the watchers.
// One who was erased is handed on and not kept. It returns sink.ErrClosed after
// Close.
func (s *Store) Tell(status sink.Status) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return sink.ErrClosed
	}
	if status.State == sink.Erased {
		s.forget(status.Session, status.Participant)
	} else {
		s.session(status.Session).statuses[status.Participant] = status
	}
	s.offer(status.Session, status.Participant, Message{Status: &status})
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
		call = &session{participants: map[string]*history{}, statuses: map[string]sink.Status{}}
		s.sessions[id] = call
	}
	call.turn = s.turn
	return call
}

// Close ends the subscriptions, once their watchers have read what is there,
// and refuses further events. What is stored can still be read.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, watchers := range s.watchers {
		for w := range watchers {
			w.end(sink.ErrClosed)
		}
	}
	clear(s.watchers)
	return nil
}
