package report

import (
	"slices"
	"time"

	"github.com/valence-live/valence/features"
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
	for _, s := range c.Silent {
		span(s.End, s.End)
	}
	for _, segments := range c.Transcript {
		for _, s := range segments {
			span(s.Start, s.End)
		}
	}
	hop := hop(events, c.Silent)
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
func hop(events []*sink.Event, silences []Silence) time.Duration {
	ends := map[string][]time.Time{}
	for _, e := range events {
		if e.Window.Kind == features.Sliding {
			ends[e.Participant] = append(ends[e.Participant], e.Window.End)
		}
	}
	for _, s := range silences {
		ends[s.Participant] = append(ends[s.Participant], s.End)
	}
	shortest := time.Duration(0)
	for _, all := range ends {
		slices.SortFunc(all, time.Time.Compare)
		for i := range len(all) - 1 {
			if d := all[i+1].Sub(all[i]); d > 0 && (shortest == 0 || d < shortest) {
				shortest = d
			}
		}
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
