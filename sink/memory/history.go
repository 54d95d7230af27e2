package memory

import (
	"slices"
	"time"

	"github.com/valence-live/valence/sink"
)

// history is what one participant has: the newest revision of each id, in the
// order of the windows. It is never empty once put was called.
type history struct {
	byID   map[string]*kept
	events []*kept
}

// kept is an event and its place in the store's stream.
type kept struct {
	event    *sink.Event
	position uint64
}

func newHistory() *history { return &history{byID: map[string]*kept{}} }

func compare(a, b *kept) int { return sink.Compare(a.event, b.event) }

// fresh reports whether the event is not known in this or a higher revision.
func (h *history) fresh(e *sink.Event) bool {
	old, ok := h.byID[e.ID]
	return !ok || old.event.Revision < e.Revision
}

// put enters a fresh event in the place of the revision before it.
func (h *history) put(k *kept) {
	if old, ok := h.byID[k.event.ID]; ok {
		at, _ := slices.BinarySearchFunc(h.events, old, compare)
		h.events = slices.Delete(h.events, at, at+1)
	}
	at, _ := slices.BinarySearchFunc(h.events, k, compare)
	h.events = slices.Insert(h.events, at, k)
	h.byID[k.event.ID] = k
}

// trim forgets the oldest events beyond the bounds.
func (h *history) trim(cfg Config) {
	if cfg.Events > 0 {
		h.drop(max(len(h.events)-cfg.Events, 0))
	}
	if cfg.Age > 0 {
		h.expire(h.newest().event.Window.End.Add(-cfg.Age))
	}
}

// expire forgets what ended before the instant.
func (h *history) expire(before time.Time) {
	n := 0
	for n < len(h.events) && h.events[n].event.Window.End.Before(before) {
		n++
	}
	h.drop(n)
}

func (h *history) drop(n int) {
	for _, k := range h.events[:n] {
		delete(h.byID, k.event.ID)
	}
	h.events = slices.Delete(h.events, 0, n)
}

func (h *history) newest() *kept { return h.events[len(h.events)-1] }

// list returns the events alone.
func (h *history) list() []*sink.Event {
	out := make([]*sink.Event, len(h.events))
	for i, k := range h.events {
		out[i] = k.event
	}
	return out
}
