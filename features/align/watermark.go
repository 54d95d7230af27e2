package align

import (
	"time"

	"github.com/valence-live/valence/ingest"
)

// warmUp is how much of a participant the first window must hold.
const warmUp = time.Second

// watermark returns the time before which nothing more is expected.
func (a *Aligner) watermark() time.Time {
	return a.slowest(a.idle, func(t *track) time.Time { return t.watermark(a.cfg.Lateness) }, a.now.Add(-a.cfg.Lateness))
}

// reach returns the time to which the tracks have come, in order or not.
func (a *Aligner) reach() time.Time { return a.slowest(a.unheeded(a.idle), (*track).reach, a.now) }

// reachByWall is reach with idleness by the wall clock, which knows nothing of
// the time in the input: where nothing moves, it ends with what came.
func (a *Aligner) reachByWall() time.Time {
	return a.slowest(a.unheeded(a.idleByWall), (*track).reach, a.newest)
}

// unheeded adds text to the tracks that are idle, as long as sound or pictures
// move: a recogniser is a second or two behind, and what is provisional is
// worth nothing later.
func (a *Aligner) unheeded(idle func(*track) bool) func(*track) bool {
	text, heard := &a.tracks[ingest.Text], false
	for i := range a.tracks {
		t := &a.tracks[i]
		heard = heard || t != text && t.known && !t.over && !idle(t)
	}
	return func(t *track) bool { return t == text && heard || idle(t) }
}

// slowest returns the least of what is measured on the tracks that still move,
// or, if none does, the time given. A track that trails too far is left behind.
func (a *Aligner) slowest(idle func(*track) bool, measure func(*track) time.Time, silent time.Time) time.Time {
	switch {
	case a.newest.IsZero():
		return time.Time{} // nothing came yet
	case a.Over():
		return a.end()
	}
	least, waiting := silent, false
	for i := range a.tracks {
		t := &a.tracks[i]
		if !t.known || t.over || idle(t) {
			continue
		}
		if at := measure(t); !waiting || at.Before(least) {
			least, waiting = at, true
		}
	}
	return later(least, a.newest.Add(-maxBehind))
}

func (a *Aligner) idle(t *track) bool {
	return !a.now.IsZero() && a.now.Sub(t.moved) >= a.cfg.Idle
}

func (a *Aligner) idleByWall(t *track) bool { return a.wall.Sub(t.movedWall) >= a.cfg.Idle }

// end returns the end of the last window of all that came: the hop after the
// last unit, but at least the first window.
func (a *Aligner) end() time.Time {
	if a.first.IsZero() {
		return time.Time{}
	}
	return later(gridCeil(a.last, a.cfg.Hop), a.firstEnd())
}

// firstEnd returns the end of the first window.
func (a *Aligner) firstEnd() time.Time { return gridCeil(a.first.Add(warmUp), a.cfg.Hop) }

// needed returns where the content of the windows begins that are still to
// become final.
func (a *Aligner) needed() time.Time {
	t := a.next.Add(-a.cfg.Window)
	for _, s := range a.text.segments {
		if s.pending() {
			t = earlier(t, a.from(s.Start, s.End))
		}
	}
	return t
}

// from returns where the content of [start, end) begins.
func (a *Aligner) from(start, end time.Time) time.Time {
	return later(start, end.Add(-a.cfg.Limits.Window))
}
