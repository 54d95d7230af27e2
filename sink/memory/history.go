package memory

import (
	"slices"

	"github.com/valence-live/valence/sink"
)

// history is what one participant has: the newest revision of each id, in the
// order of the windows. It is never empty once put was called.
type history struct {
	byID   map[string]*sink.Event
	events []*sink.Event
}

// put enters an event and reports whether it was new.
func (h *history) put(e *sink.Event) bool {
	if old, ok := h.byID[e.ID]; ok {
		if old.Revision >= e.Revision {
			return false
		}
		at, _ := slices.BinarySearchFunc(h.events, old, sink.Compare)
		h.events = slices.Delete(h.events, at, at+1)
	}
	at, _ := slices.BinarySearchFunc(h.events, e, sink.Compare)
	h.events = slices.Insert(h.events, at, e)
	h.byID[e.ID] = e
	return true
}

// trim forgets the oldest events beyond the bounds.
func (h *history) trim(cfg Config) {
	n := 0
	if cfg.Events > 0 {
		n = max(len(h.events)-cfg.Events, 0)
	}
	if cfg.Age > 0 {
		oldest := h.events[len(h.events)-1].Window.End.Add(-cfg.Age)
		for h.events[n].Window.End.Before(oldest) {
			n++
		}
	}
	for _, e := range h.events[:n] {
		delete(h.byID, e.ID)
	}
	h.events = slices.Delete(h.events, 0, n)
}
