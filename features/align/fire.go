package align

import (
	"slices"
	"time"

	"github.com/valence-live/valence/features"
)

// drain hands out every window whose time has come, in order of its end, and
// forgets what none needs any more.
func (a *Aligner) drain() {
	if a.closed {
		return
	}
	a.complete = later(a.complete, a.watermark())
	a.fireFinal()
	if a.cfg.Provisional {
		a.fireProvisional(a.reach())
	}
	a.forget()
}

// fireFinal hands out what ends by the watermark. Of a sliding and an utterance
// window with one end the sliding one goes first.
func (a *Aligner) fireFinal() {
	for {
		a.skip()
		s := a.text.due(a.complete, revisionFinal)
		switch {
		case a.slides(a.next, a.complete, s):
			w := a.sliding(a.next)
			a.done = append(a.done, hand(a.emit, w, features.Final, revisionFinal))
			a.next = a.next.Add(a.cfg.Hop)
			a.begun = true
		case s != nil:
			a.fireUtterance(s, features.Final, revisionFinal)
		default:
			return
		}
	}
}

// fireProvisional hands out, once each, what ends by the given time and is not
// final.
func (a *Aligner) fireProvisional(by time.Time) {
	for {
		a.early = later(a.early, a.next)
		s := a.text.due(by, revisionProvisional)
		switch {
		case a.slides(a.early, by, s):
			hand(a.emit, a.sliding(a.early), features.Provisional, revisionProvisional)
			a.early = a.early.Add(a.cfg.Hop)
		case s != nil:
			a.fireUtterance(s, features.Provisional, revisionProvisional)
		default:
			return
		}
	}
}

// slides reports whether it is the turn of the sliding window with that end:
// it is due, and no utterance ends before it.
func (a *Aligner) slides(end, by time.Time, utterance *segment) bool {
	return !a.first.IsZero() && !end.After(by) && (utterance == nil || !end.After(utterance.End))
}

func (a *Aligner) fireUtterance(s *segment, state features.State, revision int) {
	s.utterance = hand(a.emit, a.utterance(s), state, revision)
}

// correct hands out again, with the next revision, each final window on record
// that overlaps the span and in which the segment changed something.
func (a *Aligner) correct(s *segment, span features.Interval) {
	for i := range a.done {
		r := &a.done[i]
		if r.start.Before(span.End) && span.Start.Before(r.end) {
			a.amend(r, a.sliding(r.end))
		}
	}
	if s.utterance.revision >= revisionFinal && a.correctable(s.End) {
		a.amend(&s.utterance, a.utterance(s))
	}
}

// amend hands out the window in place of the one on record, if it says
// something else.
func (a *Aligner) amend(r *record, w *features.Window) {
	if r.says(w) {
		w.Release()
		return
	}
	*r = hand(a.emit, w, features.Corrected, r.revision+1)
}

// hand gives a window away and returns what is remembered of it.
func hand(emit func(*features.Window), w *features.Window, state features.State, revision int) record {
	w.State, w.Revision = state, revision
	r := recordOf(w)
	emit(w)
	return r
}

// skip leaves out the windows of a long stretch without any data, all but those
// of its last minute: after a jump of time there would be no end of them.
func (a *Aligner) skip() {
	if a.first.IsZero() || !a.next.Before(a.complete.Add(-maxAhead)) {
		return
	}
	until := earlier(a.complete, a.dataSince(a.next.Add(-a.cfg.Window)))
	if next := gridCeil(until.Add(-maxAhead), a.cfg.Hop); next.After(a.next) {
		a.stats.Skipped += uint64(next.Sub(a.next) / a.cfg.Hop) //nolint:gosec // next comes after a.next
		a.next, a.begun = next, true
	}
}

// dataSince returns the start of the oldest data that reach beyond t; where
// there are none, the newest known time.
func (a *Aligner) dataSince(t time.Time) time.Time {
	oldest := later(a.now, a.newest)
	for m := range a.steps {
		if i := a.steps[m].search(t); i < len(a.steps[m].all) {
			oldest = earlier(oldest, a.steps[m].all[i].Start)
		}
	}
	for _, s := range a.text.segments {
		if s.End.After(t) {
			oldest = earlier(oldest, s.Start)
		}
	}
	return oldest
}

// forget gives back the Receipts of what only final windows hold, and drops
// what no window and no correction can need.
func (a *Aligner) forget() {
	n := 0
	for n < len(a.done) && !a.correctable(a.done[n].end) {
		n++
	}
	a.done = slices.Delete(a.done, 0, n)
	needed := a.needed()
	if !needed.After(a.freed) {
		return
	}
	a.freed = needed
	old := earlier(needed, a.complete.Add(-a.cfg.Correction-a.cfg.Limits.Window))
	for m := range a.tracks {
		a.steps[m].release(needed)
		a.steps[m].forget(old)
		a.tracks[m].forget(old)
	}
	a.text.release(needed)
	old = old.Add(-a.cfg.Context)
	a.text.remove(func(s *segment) bool { return !s.End.After(old) })
}

// sliding builds the window that ends there.
func (a *Aligner) sliding(end time.Time) *features.Window {
	return a.build(features.Sliding, nil, end.Add(-a.cfg.Window), end)
}

// utterance builds the window of a segment.
func (a *Aligner) utterance(s *segment) *features.Window {
	return a.build(features.Utterance, s, s.Start, s.End)
}
