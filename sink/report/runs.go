package report

import (
	"slices"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

// sample is a window on the timeline: an event, or one with nothing to score.
type sample struct {
	*sink.Event // nil if there was nothing to score
	why         [ingest.NumModalities]ingest.Reason

	start, end time.Time // of the window
	x          float64   // the middle of it, as far as it is within the call
	from, to   float64   // what it stands for
}

// run is a series of samples without a hole, all of events or all silent.
type run []sample

// windows returns the sliding windows of one participant in order of time: the
// events, and those without one. If there are only utterances it returns none.
func windows(events []*sink.Event, silences []Silence) (all []sample, sliding bool) {
	for _, e := range events {
		if e.Window.Kind == features.Sliding {
			all = append(all, sample{Event: e, start: e.Window.Start, end: e.Window.End})
		}
	}
	if len(all) == 0 && len(events) > 0 {
		return nil, false
	}
	for _, s := range silences {
		all = append(all, sample{why: s.Reasons, start: s.Start, end: s.End})
	}
	// An event goes before: what came late has filled that window.
	slices.SortStableFunc(all, func(a, b sample) int { return a.end.Compare(b.end) })
	return all, true
}

// runs lays the windows of one participant on the timeline, cut where they begin
// or cease to have something to score and where one is not known. If there are
// sliding windows they are the curve, else each utterance is a run of its own.
func (t timeline) runs(events []*sink.Event, silences []Silence) []run {
	samples, sliding := windows(events, silences)
	if !sliding {
		var all []run
		for _, e := range events {
			from, to := t.x(e.Window.Start), t.x(e.Window.End)
			all = append(all, run{{Event: e, start: e.Window.Start, end: e.Window.End, x: (from + to) / 2, from: from, to: to}})
		}
		return t.stretch(all)
	}
	var all []run
	var before *sample
	half := t.hop.Seconds() / 2
	for _, s := range samples {
		s.x = (t.x(s.start) + t.x(s.end)) / 2
		if before != nil && s.x <= before.x {
			continue // outside of the call
		}
		s.from, s.to = max(s.x-half, 0), min(s.x+half, t.seconds)
		near := before != nil && s.end.Sub(before.end) <= t.hop*3/2
		if near {
			middle := (before.x + s.x) / 2
			before.to, s.from = middle, middle
		}
		if n := len(all); near && s.silent() == before.silent() {
			all[n-1] = append(all[n-1], s)
		} else {
			all = append(all, run{s})
		}
		tail := all[len(all)-1]
		before = &tail[len(tail)-1]
	}
	return t.stretch(all)
}

// stretch lets the first and the last window stand for the time up to the ends
// of the call, if they cover it.
func (t timeline) stretch(all []run) []run {
	if len(all) == 0 {
		return all
	}
	if s := &all[0][0]; t.x(s.start) == 0 {
		s.from = 0
	}
	tail := all[len(all)-1]
	if s := &tail[len(tail)-1]; t.x(s.end) == t.seconds {
		s.to = t.seconds
	}
	return all
}

// stream returns what one modality gave to an event.
func stream(e *sink.Event, m ingest.Modality) *sink.Modality { return e.Modalities.All()[m] }
