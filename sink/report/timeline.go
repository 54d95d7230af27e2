package report

import (
	"slices"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/wording"
)

// timeline maps instants to places on the page.
type timeline struct {
	start   time.Time
	seconds float64       // of the whole call, more than 0
	hop     time.Duration // between two windows
	pen     pen
}

// longest bounds a call: a hostile time stamp must not make a page of years.
const longest = 7 * 24 * time.Hour

func newTimeline(c Call, events []*sink.Event) timeline {
	start, end := c.Start, c.End
	var first, last time.Time
	span := func(from, to time.Time) {
		if first.IsZero() || from.Before(first) {
			first = from
		}
		if last.IsZero() || to.After(last) {
			last = to
		}
	}
	for _, e := range events {
		from := e.Window.Start
		if e.Window.Kind == features.Sliding {
			from = e.Window.End // the first windows begin before the call
		}
		span(from, e.Window.End)
	}
	for _, segments := range c.Transcript {
		for _, s := range segments {
			span(s.Start, s.End)
		}
	}
	hop := hop(events)
	if start.IsZero() {
		start = first
		if len(events) > 0 && events[0].Window.Kind == features.Sliding && !events[0].Window.End.Add(-hop).After(first) {
			start = events[0].Window.End.Add(-hop)
		}
	}
	if end.IsZero() {
		end = last
	}
	length := min(max(end.Sub(start), time.Second), longest)
	return timeline{start: start, seconds: length.Seconds(), hop: hop, pen: pen{coarse: length > smoothUpTo*hop}}
}

// hop is the shortest time between two windows of one participant.
func hop(events []*sink.Event) time.Duration {
	last := map[string]time.Time{}
	shortest := time.Duration(0)
	for _, e := range events {
		if e.Window.Kind != features.Sliding {
			continue
		}
		if before, ok := last[e.Participant]; ok {
			if d := e.Window.End.Sub(before); d > 0 && (shortest == 0 || d < shortest) {
				shortest = d
			}
		}
		last[e.Participant] = e.Window.End
	}
	if shortest == 0 {
		return time.Second
	}
	return shortest
}

// x is an instant in seconds since the start, within the call.
func (t timeline) x(at time.Time) float64 {
	return min(max(at.Sub(t.start).Seconds(), 0), t.seconds)
}

// far is how far apart, in seconds, two windows are that have a gap between.
func (t timeline) far() float64 { return 2 * t.hop.Seconds() }

// percent is a number of seconds as a share of the page's width.
func (t timeline) percent(seconds float64) string {
	return string(appendNumber(nil, seconds/t.seconds*100, 3))
}

// sample is an event on the timeline.
type sample struct {
	*sink.Event
	x        float64 // the middle of its window, as far as it is within the call
	from, to float64 // what it stands for
}

// run is a series of samples without a gap.
type run []sample

// runs cuts the events of one participant where no window had anything to
// score. If there are sliding windows they are the curve, else each utterance
// is a run of its own.
func (t timeline) runs(events []*sink.Event) []run {
	sliding := slices.ContainsFunc(events, func(e *sink.Event) bool { return e.Window.Kind == features.Sliding })
	var all []run
	var last time.Time
	for _, e := range events {
		from, to := t.x(e.Window.Start), t.x(e.Window.End)
		s := sample{Event: e, x: (from + to) / 2, from: from, to: to}
		switch {
		case !sliding:
			all = append(all, run{s})
			continue
		case e.Window.Kind != features.Sliding:
			continue
		}
		if n := len(all); n > 0 && s.x <= all[n-1][len(all[n-1])-1].x {
			continue // outside of the call
		}
		half := t.hop.Seconds() / 2
		s.from, s.to = max(s.x-half, 0), min(s.x+half, t.seconds)
		if n := len(all); n > 0 && e.Window.End.Sub(last) <= t.hop*3/2 {
			before := &all[n-1][len(all[n-1])-1]
			middle := (before.x + s.x) / 2
			before.to, s.from = middle, middle
			all[n-1] = append(all[n-1], s)
		} else {
			all = append(all, run{s})
		}
		last = e.Window.End
	}
	return t.stretch(all)
}

// stretch lets the first and the last window stand for the time up to the ends
// of the call, if they cover it.
func (t timeline) stretch(all []run) []run {
	if len(all) == 0 {
		return all
	}
	if s := &all[0][0]; t.x(s.Window.Start) == 0 {
		s.from = 0
	}
	tail := all[len(all)-1]
	if s := &tail[len(tail)-1]; t.x(s.Window.End) == t.seconds {
		s.to = t.seconds
	}
	return all
}

// tick is a mark of the time axis.
type tick struct{ Left, Label string }

// axis returns about so many ticks at round times, and the step as a share of
// the width.
func (t timeline) axis(about float64) (ticks []tick, step string) {
	seconds := 7 * 24 * 3600.0
	for _, s := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 6 * 3600, 24 * 3600} {
		if t.seconds/s <= about {
			seconds = s
			break
		}
	}
	for at := 0.0; at <= t.seconds; at += seconds {
		ticks = append(ticks, tick{t.percent(at), wording.Clock(at)})
	}
	return ticks, t.percent(seconds)
}

// stream returns what one modality gave to an event.
func stream(e *sink.Event, m ingest.Modality) *sink.Modality { return e.Modalities.All()[m] }
