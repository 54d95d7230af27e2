package calls

import (
	"fmt"
	"sync"

	"github.com/valence-live/valence/ingest"
)

// inboxSize is how much may wait for a call's goroutine: about two seconds of
// four people.
const inboxSize = 512

// errand is what a call's goroutine does next: it takes a Sample, or runs do.
type errand struct {
	sample ingest.Sample
	do     func()
}

// inbox hands Samples from many connections to the goroutine of one call. It
// never makes a connection wait. When it is full it sheds in a declared order:
// the oldest picture, then the oldest sound. Words, marks and errands stay; a
// flood of words alone is refused. Its methods may be called from any goroutine.
type inbox struct {
	shed func(s ingest.Sample) // called without the lock

	mu     sync.Mutex
	items  []errand
	closed bool
	filled chan struct{} // holds one token while something may be there
}

func newInbox(shed func(ingest.Sample)) *inbox {
	return &inbox{shed: shed, filled: make(chan struct{}, 1)}
}

// put adds an errand. It returns ErrEnded after close, and ingest.ErrFull for a
// Sample when even words alone are too many; then it stays with the caller.
func (b *inbox) put(e errand) error {
	b.mu.Lock()
	victim := -1
	if len(b.items) >= inboxSize {
		victim = b.victim()
	}
	switch {
	case b.closed:
		b.mu.Unlock()
		return fmt.Errorf("%w; begin anew", ErrEnded)
	case victim < 0 && len(b.items) >= 4*inboxSize && e.do == nil:
		b.mu.Unlock()
		return fmt.Errorf("%w: %d samples wait for the call already", ingest.ErrFull, 4*inboxSize)
	}
	var out ingest.Sample
	if victim >= 0 {
		out = b.items[victim].sample
		b.items = append(b.items[:victim], b.items[victim+1:]...)
	}
	b.items = append(b.items, e)
	b.mu.Unlock()
	if victim >= 0 {
		b.shed(out)
	}
	select {
	case b.filled <- struct{}{}:
	default:
	}
	return nil
}

// victim is the index of what is left out first; -1 if nothing may be.
func (b *inbox) victim() int {
	sound := -1
	for i := range b.items {
		switch b.items[i].sample.Payload.(type) {
		case *ingest.Picture:
			return i
		case ingest.PCM:
			if sound < 0 {
				sound = i
			}
		}
	}
	return sound
}

// take returns everything that waits, in order, in exchange for an empty slice.
func (b *inbox) take(spare []errand) []errand {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := b.items
	b.items = spare[:0]
	return full
}

// close refuses what comes from now on and returns what waits.
func (b *inbox) close() []errand {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	rest := b.items
	b.items = nil
	return rest
}
