package kafka

import (
	"sync"
	"time"

	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/eventpb"
)

// latest keeps the latest score of each participant from being followed by an
// older one: by a correction of a window that has passed, or by an utterance
// that ended before the newest sliding window. Its methods may be called from
// any goroutine.
type latest struct {
	mu    sync.Mutex
	of    map[string]reached
	swept time.Time
}

// reached is how far the scores of a participant have come.
type reached struct {
	end      time.Time
	revision int
	at       time.Time // of the last event, on the wall
}

// forgotten is how long somebody is remembered who has no more events.
const forgotten = 10 * time.Minute

// moves reports whether the event is not older than what the participant has,
// and remembers it. One that is published again moves.
func (l *latest) moves(e *sink.Event) bool {
	now := time.Now()
	key := eventpb.ScoreKey(e.Session, e.Participant)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > forgotten {
		l.swept = now
		for key, r := range l.of {
			if now.Sub(r.at) > forgotten {
				delete(l.of, key)
			}
		}
	}
	r, known := l.of[key]
	switch {
	case known && e.Window.End.Before(r.end),
		known && e.Window.End.Equal(r.end) && e.Revision < r.revision:
		return false
	}
	l.of[key] = reached{end: e.Window.End, revision: e.Revision, at: now}
	return true
}

func (l *latest) forget(session, participant string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.of, eventpb.ScoreKey(session, participant))
}
