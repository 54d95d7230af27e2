package align

import (
	"slices"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// scratch is memory for building one window, used again for the next.
type scratch struct {
	vectors  [ingest.NumModalities][]features.Vector
	words    []features.Interval
	before   before
	receipts []*ingest.Receipt // those of the window, each once
	known    map[*ingest.Receipt]struct{}
}

func newScratch() scratch { return scratch{known: make(map[*ingest.Receipt]struct{})} }

// reset makes the scratch memory ready for the next window.
func (s *scratch) reset() {
	s.receipts = s.receipts[:0]
	clear(s.known)
}

// hold notes a Receipt of the window.
func (s *scratch) hold(r *ingest.Receipt) {
	if _, ok := s.known[r]; ok || r == nil {
		return
	}
	s.known[r] = struct{}{}
	s.receipts = append(s.receipts, r)
}

// build makes a window of what is known now: of one segment's words if one is
// given, else of all.
func (a *Aligner) build(kind features.Kind, only *segment, start, end time.Time) *features.Window {
	w := &features.Window{
		Participant: a.participant, Kind: kind,
		Start: start.UTC(), End: end.UTC(), From: a.from(start, end).UTC(),
	}
	if only != nil {
		w.Segment = only.ID
	}
	a.scratch.reset()
	a.addText(w, only)
	a.addBefore(w)
	a.addSteps(w, ingest.Audio)
	a.addSteps(w, ingest.Video)
	// Words that nobody spoke cannot be missed.
	if t := &w.Streams[ingest.Text]; t.Reason == ingest.ReasonNoWords && w.Streams[ingest.Audio].Reason == ingest.ReasonNoSpeech {
		t.Reason = ingest.ReasonNoSpeech
	}
	a.fill(w)
	return w
}

// addText finds the tokens of the window, the newest of them if the model
// cannot read all.
func (a *Aligner) addText(w *features.Window, only *segment) {
	tokens := a.text.pick(a.scratch.vectors[ingest.Text][:0], only, w.From, w.End)
	a.scratch.vectors[ingest.Text] = tokens
	from := w.From
	if n := a.cfg.Limits.Len[ingest.Text]; len(tokens) > n {
		tokens = slices.Delete(tokens, 0, len(tokens)-n)
		a.scratch.vectors[ingest.Text] = tokens
		from = later(from, tokens[0].Start)
	}
	a.scratch.words = a.text.words(a.scratch.words[:0], only, from, w.End)
	var why tally
	if len(tokens) < a.cfg.MinText {
		a.tracks[ingest.Text].tell(&why, a.since(w), w.End, ingest.ReasonNoWords)
	}
	a.add(w, ingest.Text, union(a.scratch.words), &why)
	for _, s := range a.text.segments {
		if (only == nil || s == only) && s.overlaps(w.From, w.End) {
			a.scratch.hold(s.Receipt)
		}
	}
}

// addSteps finds the usable steps of the window and what the rest of it is.
func (a *Aligner) addSteps(w *features.Window, m ingest.Modality) {
	usable := a.scratch.vectors[m][:0]
	var why tally
	told := a.since(w) // everything before is explained
	steps := a.steps[m].between(w.From, w.End)
	for i := range steps {
		s := &steps[i]
		a.scratch.hold(s.Receipt)
		a.tracks[m].tell(&why, told, s.Start, ingest.ReasonLost)
		if s.Values != nil {
			usable = append(usable, *s)
		} else {
			why.add(s.Reason, later(told, s.Start), earlier(s.End, w.End))
		}
		told = later(told, s.End)
	}
	a.tracks[m].tell(&why, told, w.End, ingest.ReasonLost)
	if n := a.cfg.Limits.Len[m]; len(usable) > n {
		usable = slices.Delete(usable, 0, len(usable)-n)
	}
	a.scratch.vectors[m] = usable
	var covered time.Duration
	var to time.Time
	for i := range usable {
		from := later(to, usable[i].Start)
		to = later(to, earlier(usable[i].End, w.End))
		covered += max(0, to.Sub(from))
	}
	a.add(w, m, covered, &why)
}

// since returns where a window has to be explained from: nobody was there
// before the first unit.
func (a *Aligner) since(w *features.Window) time.Time {
	if a.first.Before(w.End) {
		return later(w.From, a.first)
	}
	return w.From
}

// add says what a stream contributes.
func (a *Aligner) add(w *features.Window, m ingest.Modality, covered time.Duration, why *tally) {
	s := &w.Streams[m]
	if len(a.scratch.vectors[m]) < a.cfg.enough(m) {
		s.Reason = why.most(nothing(m))
		return
	}
	s.Present = true
	s.Coverage = float64(covered) / float64(w.End.Sub(w.Start))
}

// fill copies what was found into the window: one block of memory for the
// vectors of all streams, and each Receipt once.
func (a *Aligner) fill(w *features.Window) {
	n := 0
	for m := range a.scratch.vectors {
		if w.Streams[m].Present {
			n += len(a.scratch.vectors[m])
		}
	}
	block := make([]features.Vector, 0, n)
	for m, into := range [...]*[]features.Vector{ingest.Text: &w.Text, ingest.Audio: &w.Audio, ingest.Video: &w.Video} {
		if !w.Streams[m].Present {
			continue
		}
		from := len(block)
		block = append(block, a.scratch.vectors[m]...)
		*into = block[from:len(block):len(block)]
		for i := range *into {
			w.Clock = w.Clock.Worse((*into)[i].Clock)
		}
	}
	if len(a.scratch.receipts) > 0 {
		w.Receipts = slices.Clone(a.scratch.receipts)
	}
	for _, r := range w.Receipts {
		r.Retain()
	}
}
