package align

import (
	"time"
)

// warmUp is how much of a participant the first window must hold.
const warmUp = time.Second

// watermark returns the time before which nothing more is expected: the
// minimum over the tracks that still move.
func (a *Aligner) watermark() time.Time {
	switch {
	case a.newest.IsZero():
		return time.Time{} // nothing came yet
	case a.Over():
		return a.end()
	}
	t, waiting := a.slowest(a.idle, func(t *track) time.Time { return t.watermark(a.cfg.Lateness) })
	if !waiting {
		t = a.now.Add(-a.cfg.Lateness)
	}
	return a.bounded(t)
}

// reach returns the time up to which the tracks that still move have come, in
// order or not.
func (a *Aligner) reach() time.Time {
	t, waiting := a.slowest(a.idle, (*track).reach)
	if !waiting {
		t = a.now
	}
	return a.bounded(t)
}

// reachByWall is reach with idleness by the wall clock, which knows nothing of
// the time in the input: where nothing moves, it ends with what came.
func (a *Aligner) reachByWall() time.Time {
	t, waiting := a.slowest(a.idleByWall, (*track).reach)
	if !waiting {
		t = a.newest
	}
	return a.bounded(t)
}

// slowest returns the least of what is measured on each track that is neither
// over nor idle, and whether there is one.
func (a *Aligner) slowest(idle func(*track) bool, measure func(*track) time.Time) (time.Time, bool) {
	var least time.Time
	waiting := false
	for i := range a.tracks {
		t := &a.tracks[i]
		if !t.known || t.over || idle(t) {
			continue
		}
		if at := measure(t); !waiting || at.Before(least) {
			least, waiting = at, true
		}
	}
	return least, waiting
}

func (a *Aligner) idle(t *track) bool {
	return !a.now.IsZero() && a.now.Sub(t.moved) >= a.cfg.Idle
}

func (a *Aligner) idleByWall(t *track) bool { return a.wall.Sub(t.movedWall) >= a.cfg.Idle }

// bounded keeps a time within what is believed: a track that trails too far is
// left behind, and one that runs ahead does not take the others along.
func (a *Aligner) bounded(t time.Time) time.Time {
	return earlier(later(t, a.newest.Add(-maxBehind)), later(a.now, a.newest).Add(maxAhead))
}

// end returns the end of the last window of all that came: the hop after the
// last unit, but at least the first window.
func (a *Aligner) end() time.Time {
	if a.first.IsZero() {
		return time.Time{}
	}
	return later(gridCeil(a.last, a.cfg.Hop), gridCeil(a.first.Add(warmUp), a.cfg.Hop))
}

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
