package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/valence-live/valence/sink"
)

// Watcher gets what is published in its View, each revision once, and the
// newest status of each participant. Publishing is never held up: of a watcher
// that does not keep up the provisional events go first, then the oldest, and
// it is told how many. A status gives way only to a newer one of the same
// participant. One goroutine at a time reads it.
type Watcher struct {
	store *Store
	view  View
	ready chan struct{} // holds a token while there may be something to read

	mu     sync.Mutex
	replay []Message // what was there at the beginning
	queue  []Message // what came since
	events int       // of the queue
	lost   Lost
	err    error // why nothing more comes
}

// Watch subscribes. It begins with what View.Replay says and the status of each
// participant; nothing is lost or doubled between these and what follows. The
// caller closes the Watcher.
func (s *Store) Watch(v View) *Watcher {
	v.Room = max(v.Room, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &Watcher{store: s, view: v, ready: make(chan struct{}, 1)}
	if v.Replay {
		w.replay = s.since(v)
	} else {
		w.replay = s.newest(v)
	}
	w.replay = append(w.replay, s.statuses(v)...)
	if s.closed {
		w.err = sink.ErrClosed
		return w
	}
	if s.watchers[v.Session] == nil {
		s.watchers[v.Session] = map[*Watcher]struct{}{}
	}
	s.watchers[v.Session][w] = struct{}{}
	return w
}

// Next waits for the next Message. It returns the error of ctx, or
// sink.ErrClosed when the Store is closed and all was read, or the Watcher is.
func (w *Watcher) Next(ctx context.Context) (Message, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Message{}, err
		}
		if m, ok, err := w.take(); ok || err != nil {
			return m, err
		}
		select {
		case <-w.ready:
		case <-ctx.Done():
		}
	}
}

func (w *Watcher) take() (m Message, ok bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case len(w.replay) > 0:
		m, w.replay = w.replay[0], w.replay[1:]
	case w.lost != Lost{}:
		m, w.lost = Message{Lost: w.lost}, Lost{}
	case len(w.queue) > 0:
		m = w.queue[0]
		w.remove(0)
	default:
		w.replay = nil
		return Message{}, false, w.err
	}
	return m, true, nil
}

// Close ends the subscription. It may be called more than once.
func (w *Watcher) Close() {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if watchers := w.store.watchers[w.view.Session]; watchers != nil {
		delete(watchers, w)
		if len(watchers) == 0 {
			delete(w.store.watchers, w.view.Session)
		}
	}
	w.mu.Lock()
	w.replay, w.queue, w.events, w.lost = nil, nil, 0, Lost{}
	w.mu.Unlock()
	w.end(sink.ErrClosed)
}

// end says that nothing more comes.
func (w *Watcher) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
	w.wake()
}

// wake tells the reader to look.
func (w *Watcher) wake() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// offer hands a message to those who watch the session.
func (s *Store) offer(session, participant string, m Message) {
	for _, of := range []string{session, ""} {
		for w := range s.watchers[of] {
			if w.view.shows(session, participant) {
				w.put(m)
			}
		}
	}
}

// put queues a message and makes the room that it needs.
func (w *Watcher) put(m Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.Status != nil {
		if at := slices.IndexFunc(w.queue, m.outdates); at >= 0 {
			w.remove(at)
		}
	} else if w.events++; w.events > w.view.Room {
		if provisional(m) && !slices.ContainsFunc(w.queue, provisional) {
			w.events--
			w.lost.Provisional++
			return
		}
		w.makeRoom()
	}
	w.queue = append(w.queue, m)
	w.wake()
}

// makeRoom drops the oldest provisional event, or else the oldest.
func (w *Watcher) makeRoom() {
	at := slices.IndexFunc(w.queue, provisional)
	if at >= 0 {
		w.lost.Provisional++
	} else {
		at = slices.IndexFunc(w.queue, func(m Message) bool { return m.Event != nil })
		w.lost.Final++
	}
	w.remove(at)
}

// remove takes a message out of the queue.
func (w *Watcher) remove(at int) {
	if w.queue[at].Event != nil {
		w.events--
	}
	w.queue = slices.Delete(w.queue, at, at+1)
}

// forget takes out all that is about a participant, or about a session.
func (w *Watcher) forget(session, participant string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	erased := View{Session: session, Participant: participant}
	about := func(m Message) bool {
		if m.Event != nil {
			return erased.shows(m.Event.Session, m.Event.Participant)
		}
		return erased.shows(m.Status.Session, m.Status.Participant)
	}
	w.replay = slices.DeleteFunc(w.replay, about)
	w.queue = slices.DeleteFunc(w.queue, about)
	w.events = 0
	for _, m := range w.queue {
		if m.Event != nil {
			w.events++
		}
	}
}
