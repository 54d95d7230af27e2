package outbox

import (
	"container/list"
	"slices"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/sink"
)

// item is an event that waits, or the wish to erase a person.
type item struct {
	event *sink.Event
	erase *erasure
	seq   uint64
	at    time.Time // when it came
	sound bool      // it can be encoded: the trouble is not its own

	place, early *list.Element
}

// erasure is one call of Erase.
type erasure struct{ session, participant string }

func (e *erasure) concerns(other *sink.Event) bool {
	return other.Session == e.session && other.Participant == e.participant
}

func (it *item) provisional() bool { return it.event != nil && it.event.State == features.Provisional }

// of returns the item of a place in a list, which holds nothing else.
func of(place *list.Element) *item { return place.Value.(*item) }

// line is what waits, in order. It is pure: no lock, clock or goroutine.
//
// The first of it may be taken: under way to the sink. What is taken is not
// dropped.
type line struct {
	capacity int
	all      list.List // of *item
	early    list.List // the provisional ones that are not taken, in the same order
	events   int       // all but erasures
	taken    []*item
	last     uint64 // seq of the newest
}

// put adds an item at the end. Where that needs room the one that gave way
// comes back: the oldest provisional event, else it itself if it is
// provisional. Where finals fill the line it is not added, unless force is set:
// then the oldest gives way.
func (l *line) put(it *item, force bool) (gave *item, ok bool) {
	if it.event != nil && l.events >= l.capacity {
		switch {
		case l.early.Len() > 0:
			gave = of(l.early.Front())
		case it.provisional():
			return it, true
		case force:
			gave = l.oldest()
		}
		if gave == nil {
			return nil, false
		}
		l.remove(gave)
	}
	l.last++
	it.seq = l.last
	it.place = l.all.PushBack(it)
	if it.event != nil {
		l.events++
	}
	if it.provisional() {
		it.early = l.early.PushBack(it)
	}
	return gave, true
}

// oldest returns the oldest event that is not taken, or nil.
func (l *line) oldest() *item {
	at := l.all.Front()
	if n := len(l.taken); n > 0 {
		at = l.taken[n-1].place.Next()
	}
	for ; at != nil; at = at.Next() {
		if it := of(at); it.event != nil {
			return it
		}
	}
	return nil
}

func (l *line) remove(it *item) {
	l.all.Remove(it.place)
	if it.event != nil {
		l.events--
	}
	if it.early != nil {
		l.early.Remove(it.early)
		it.early = nil
	}
}

// take returns the first items, at most n: some events, or one erasure.
func (l *line) take(n int) []*item {
	for at := l.all.Front(); at != nil && len(l.taken) < n; at = at.Next() {
		it := of(at)
		if it.erase != nil && len(l.taken) > 0 {
			break
		}
		l.taken = append(l.taken, it)
		if it.early != nil {
			l.early.Remove(it.early)
			it.early = nil
		}
		if it.erase != nil {
			break
		}
	}
	return l.taken
}

// settle ends what take began: those that are done leave, the others wait
// again at their place.
func (l *line) settle(done func(i int) bool) {
	taken := l.taken
	l.taken = nil
	for i, it := range slices.Backward(taken) {
		switch {
		case done(i):
			l.remove(it)
		case it.provisional():
			it.early = l.early.PushFront(it)
		}
	}
}

// purge removes the events of a person that are not taken, and returns them.
func (l *line) purge(who *erasure) (gone []*item) {
	at := l.all.Front()
	if n := len(l.taken); n > 0 {
		at = l.taken[n-1].place.Next()
	}
	for at != nil {
		it := of(at)
		at = at.Next()
		if it.event != nil && who.concerns(it.event) {
			l.remove(it)
			gone = append(gone, it)
		}
	}
	return gone
}

// passed reports whether everything up to and with seq has left.
func (l *line) passed(seq uint64) bool {
	first := l.all.Front()
	return first == nil || of(first).seq > seq
}
