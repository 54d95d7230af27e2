package memory

import (
	"sync/atomic"

	"github.com/valence-live/valence/sink"
)

// Watcher gets the events of one session as they are published, each revision
// once. Never is publishing held up: a watcher that does not keep up loses the
// oldest that it has not read, and Lost counts them.
type Watcher struct {
	store   *Store
	session string
	events  chan *sink.Event
	lost    atomic.Uint64
}

// Watch subscribes to a session, which need not have begun, with room for so
// many unread events (at least one). The caller closes the Watcher.
func (s *Store) Watch(session string, room int) *Watcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &Watcher{store: s, session: session, events: make(chan *sink.Event, max(room, 1))}
	if s.closed {
		close(w.events)
	} else {
		s.watchers[w] = struct{}{}
	}
	return w
}

// Events returns the channel to read. It is closed with the Watcher or the
// Store, whichever comes first.
func (w *Watcher) Events() <-chan *sink.Event { return w.events }

// Lost returns how many events were dropped because they were not read in time.
func (w *Watcher) Lost() uint64 { return w.lost.Load() }

// Close ends the subscription. It may be called more than once.
func (w *Watcher) Close() {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.stop(w)
}

// stop ends a subscription under the store's lock.
func (s *Store) stop(w *Watcher) {
	if _, ok := s.watchers[w]; ok {
		delete(s.watchers, w)
		close(w.events)
	}
}

// offer hands an event over under the store's lock: there is no other sender.
func (w *Watcher) offer(e *sink.Event) {
	if e.Session != w.session {
		return
	}
	for {
		select {
		case w.events <- e:
			return
		default:
		}
		select {
		case <-w.events:
			w.lost.Add(1)
		default:
		}
	}
}
