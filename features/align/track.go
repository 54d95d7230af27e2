package align

import (
	"cmp"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// track is how far the time of one modality has come, and why stretches of it
// are empty.
type track struct {
	known  bool      // something came
	begin  time.Time // nothing is known of the track before
	newest time.Time // event time of the newest data
	marked time.Time // everything before has been handed in

	moved, movedWall time.Time // what Advance and Tick said when it last came further

	over  bool      // it ended, at:
	ended time.Time //
	after ingest.Reason

	gaps []gap // in order of time, disjoint
}

// gap is a stretch that a Mark explained.
type gap struct {
	start, end time.Time
	why        ingest.Reason
}

// maxGaps bounds the explanations kept; neighbours with one reason are one gap.
const maxGaps = 256

// reach is how far the time of the track has come.
func (t *track) reach() time.Time { return later(t.newest, t.marked) }

// watermark is the time before which nothing more is expected. A Mark is a
// promise and is taken at its word; data may still be out of order.
func (t *track) watermark(lateness time.Duration) time.Time {
	return later(t.newest.Add(-lateness), t.marked)
}

// open notes that something came at the given time. A track that had ended
// goes on.
func (t *track) open(at time.Time) {
	if !t.known || at.Before(t.begin) {
		t.begin = at
	}
	t.known = true
	if t.over && !at.Before(t.ended) {
		t.explain(t.ended, at, t.after)
		t.over = false
	}
}

// mark notes a Mark that counts at the given time, which is its own or earlier.
func (t *track) mark(m features.Mark, at time.Time) {
	from := t.reach()
	t.open(at)
	t.marked = later(t.marked, at)
	if m.Reason != "" {
		t.explain(from, m.Time, m.Reason)
		t.begin = earlier(t.begin, from) // if nothing was known, it explains all that went before
	}
	if m.End {
		t.over, t.ended, t.after = true, at, cmp.Or(m.Reason, ingest.ReasonNoTrack)
	}
}

func (t *track) explain(from, to time.Time, why ingest.Reason) {
	if n := len(t.gaps); n > 0 {
		end := t.gaps[n-1].end
		from = later(from, end)
		if from.Equal(end) && t.gaps[n-1].why == why {
			t.gaps[n-1].end = later(end, to)
			return
		}
	}
	if !from.Before(to) {
		return
	}
	if len(t.gaps) == maxGaps {
		t.gaps = append(t.gaps[:0], t.gaps[1:]...)
	}
	t.gaps = append(t.gaps, gap{start: from, end: to, why: why})
}

// tell adds to why what is known of the stretch [from, to), in which the track
// has nothing. What nobody explained counts as otherwise.
func (t *track) tell(why *tally, from, to time.Time, otherwise ingest.Reason) {
	if !t.known {
		why.add(ingest.ReasonNoTrack, from, to)
		return
	}
	why.add(ingest.ReasonNoTrack, from, earlier(to, t.begin))
	from = later(from, t.begin)
	if t.over {
		why.add(t.after, later(from, t.ended), to)
		to = earlier(to, t.ended)
	}
	for _, g := range t.gaps {
		if !g.end.After(from) {
			continue
		}
		why.add(otherwise, from, earlier(to, g.start))
		from = later(from, g.start)
		why.add(g.why, from, earlier(to, g.end))
		from = g.end
	}
	why.add(otherwise, from, to)
}

// forget drops what lies before the given time.
func (t *track) forget(before time.Time) {
	n := 0
	for n < len(t.gaps) && !t.gaps[n].end.After(before) {
		n++
	}
	if n > 0 {
		t.gaps = append(t.gaps[:0], t.gaps[n:]...)
	}
}
