package view

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink/wording"
)

// reasons say why each stream is absent, indexed by ingest.Modality.
type reasons [ingest.NumModalities]ingest.Reason

// Silent shows a window in which there was nothing to score, which has no event.
// The view does not keep it.
func (v *View) Silent(w *features.Window, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var why reasons
	for m, stream := range w.Streams {
		why[m] = stream.Reason
	}
	v.state.silent(w.Participant.ID(), w.End, why)
	v.draw(now)
}

// silent takes a window without an event in.
func (s *state) silent(id string, end time.Time, why reasons) {
	p := s.person(id)
	if p.newest != nil && !end.After(p.newest.Window.End) {
		return
	}
	p.still = &why
	for m, r := range why {
		if p.quiet[m] == nil {
			p.quiet[m] = map[ingest.Reason]int{}
		}
		p.quiet[m][r]++
	}
}

// unheard says why nothing of a person could be scored: of each stream, what it
// lacked in most windows.
func (p *person) unheard() string {
	var most reasons
	for m, counts := range p.quiet {
		why := slices.Sorted(maps.Keys(counts))
		slices.SortStableFunc(why, func(a, b ingest.Reason) int { return cmp.Compare(counts[b], counts[a]) })
		if len(why) > 0 {
			most[m] = why[0]
		}
	}
	return wording.Missing(most)
}
