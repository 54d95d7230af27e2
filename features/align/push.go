package align

import (
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// vector takes in one step of audio or video and reports whether it was kept.
func (a *Aligner) vector(v features.Vector) bool {
	m := v.Modality
	switch {
	case m != ingest.Audio && m != ingest.Video || !believable(v.Start, v.End):
		a.stats.Malformed++
		return false
	case a.tooFar(v.End):
		a.stats.Ahead[m]++
		return false
	}
	if a.begun && v.Start.Before(a.next.Add(-a.cfg.Hop)) {
		a.stats.Late[m]++
		if v.Start.Before(a.needed()) {
			return false
		}
	}
	if !a.steps[m].insert(v) {
		a.stats.Repeated[m]++
		return false
	}
	if len(a.steps[m].all) > maxSteps {
		a.stats.Overflow[m] += maxSteps / 16
		a.steps[m].drop(maxSteps / 16)
	}
	a.began(v.Start)
	a.move(m, func(t *track) {
		t.open(v.Start)
		t.newest = later(t.newest, v.End)
	})
	return true
}

// segment takes in a stretch of transcript, corrects the windows that it
// changes, and reports whether it was kept.
func (a *Aligner) segment(s features.Segment) bool {
	old := a.text.find(s.ID)
	past := !s.End.After(a.complete) && !a.correctable(s.End)
	switch {
	case s.ID == "" || !believable(s.Start, s.End):
		a.stats.Malformed++
		return false
	case a.tooFar(s.Start):
		a.stats.Ahead[ingest.Text]++
		return false
	case len(s.Tokens) > maxTokens || len(s.Words) > maxTokens:
		a.stats.Overflow[ingest.Text]++
		return false
	case past && !s.End.After(a.needed()):
		a.stats.Late[ingest.Text]++
		return false
	case old != nil && old.Final && !s.Final:
		a.stats.Repeated[ingest.Text]++
		return false
	}
	again := old != nil && old.Final && sameTokens(old.Tokens, s.Tokens)
	if s.Final && !again && a.missed(s.Start) {
		a.stats.Late[ingest.Text]++
	}
	fresh := &segment{Segment: s, utterance: record{revision: revisionNone}, expired: past}
	span := features.Interval{Start: s.Start, End: s.End}
	if old != nil {
		fresh.utterance = old.utterance
		span.Start, span.End = earlier(span.Start, old.Start), later(span.End, old.End)
		a.text.remove(func(s *segment) bool { return s == old })
	}
	a.text.insert(fresh)
	for a.text.tokens > maxTokens || len(a.text.segments) > maxSegments {
		oldest := a.text.segments[0]
		a.text.remove(func(s *segment) bool { return s == oldest })
		a.stats.Overflow[ingest.Text]++
	}
	a.began(s.Start)
	a.last = later(a.last, s.End)
	a.move(ingest.Text, func(t *track) {
		t.open(s.Start)
		// It was delivered at its start or as it was heard: it tells how far the
		// recogniser has come, but nothing of the time ahead.
		t.newest = later(t.newest, later(s.Start, earlier(s.End, a.now)))
	})
	if s.Final && a.text.find(s.ID) == fresh {
		a.correct(fresh, span)
	}
	return true
}

// mark takes in how far a track has come. One further ahead than is believed
// counts as far as is believed.
func (a *Aligner) mark(m features.Mark) {
	if m.Modality >= ingest.NumModalities || !representable(m.Time) {
		a.stats.Malformed++
		return
	}
	at := m.Time
	if a.tooFar(at) {
		at = later(a.now, a.newest).Add(maxAhead)
	}
	if !m.End {
		a.began(at)
	}
	a.move(m.Modality, func(t *track) { t.mark(m, at) })
}

// move changes a track and notes whether that brought it further.
func (a *Aligner) move(m ingest.Modality, change func(*track)) {
	t := &a.tracks[m]
	fresh, before := !t.known, t.reach()
	change(t)
	if fresh || t.reach().After(before) {
		t.moved, t.movedWall = a.now, a.wall
	}
	a.newest = later(a.newest, t.reach())
	a.last = later(a.last, t.reach())
}

// began moves the first window to where the participant begins. Until a window
// is final an earlier unit can still come, unless it is late.
func (a *Aligner) began(at time.Time) {
	if a.begun || at.Before(a.complete) || !a.first.IsZero() && !at.Before(a.first) {
		return
	}
	a.first = at
	a.next = a.firstEnd()
}

// tooFar reports whether t cannot be believed, by all that is known of time.
func (a *Aligner) tooFar(t time.Time) bool {
	known := later(a.now, a.newest)
	return !known.IsZero() && t.After(known.Add(maxAhead))
}

// missed reports whether a window that should hold the instant is final and
// cannot be corrected any more.
func (a *Aligner) missed(at time.Time) bool {
	oldest := later(gridFloor(at, a.cfg.Hop).Add(a.cfg.Hop), a.firstEnd())
	return a.begun && oldest.Before(a.next) && !a.correctable(oldest)
}

// correctable reports whether a final window with this end may be changed.
func (a *Aligner) correctable(end time.Time) bool {
	return end.Add(a.cfg.Correction).After(a.complete)
}
