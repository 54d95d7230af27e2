package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink/wording"
)

// person is what the page shows of one participant.
type person struct {
	Name     string
	Heard    bool   // has at least one score
	Scored   string // for how long
	Mean     string
	Polarity string
	Chart    drawing
	Turns    []flag
	Gaps     []gap
	Streams  []lane
	Cues     []spoken

	runs, all []run // those of the curve; and also where there was nothing to score
}

// flag is a turn on the chart.
type flag struct {
	Left, Top, Label, Clock, At string
	Up, Right, Quiet            bool // points up, stands to the left of its place, has no room for words
}

// gap is a stretch with nothing, and why. Note is why nothing could be scored.
type gap struct{ Left, Width, Why, Note, Title string }

const (
	flags = 12   // how many turns a chart shows at most: the largest
	room  = 0.05 // of the width: what the time of a turn takes, its words thrice that
)

func newPerson(t timeline, name string, all []run) person {
	runs := scored(all)
	p := person{Name: name, Heard: len(runs) > 0, runs: runs, all: all}
	p.Chart = chart(t, runs)
	p.Gaps = gaps(t, all)
	p.Turns = flagged(t, runs)
	if p.Heard {
		mean := meanScore(runs)
		p.Mean, p.Polarity = wording.Signed(mean), wording.Polarity(mean)
		p.Chart.Tint = tint(mean)
	}
	scored := 0.0
	for _, r := range runs {
		scored += r[len(r)-1].to - r[0].from
	}
	p.Scored = wording.Lasting(scored) + " of " + wording.Lasting(t.seconds)
	for _, m := range ingest.Modalities() {
		p.Streams = append(p.Streams, newLane(t, m, all))
	}
	return p
}

func meanScore(runs []run) float64 {
	var sum, time float64
	for _, r := range runs {
		for _, s := range r {
			sum += float64(s.Score) * (s.to - s.from)
			time += s.to - s.from
		}
	}
	if time == 0 {
		return float64(runs[0][0].Score)
	}
	return sum / time
}

// gaps are the stretches between the scored runs that are longer than a hop.
// Between utterances there is nothing to be missed.
func gaps(t timeline, all []run) []gap {
	if runs := scored(all); len(runs) > 0 && runs[0][0].Window.Kind != features.Sliding {
		return nil
	}
	var found []gap
	var still []sample
	at := 0.0
	add := func(to float64) {
		if to-at > t.hop.Seconds() {
			g := gap{Left: t.percent(at), Width: t.percent(to - at), Why: "nothing to score", Note: missing(still...)}
			g.Title = fmt.Sprintf("%s to %s: %s", wording.Clock(at), wording.Clock(to), g.Why)
			if g.Note != "" {
				g.Title += ": " + g.Note
			}
			found = append(found, g)
		}
		still = nil
	}
	for _, r := range all {
		if r[0].silent() {
			still = append(still, r...)
			continue
		}
		add(r[0].from)
		at = max(at, r[len(r)-1].to)
	}
	add(t.seconds)
	return found
}

// flagged returns the largest turns that have room, in the order of time.
func flagged(t timeline, runs []run) []flag {
	all := t.turns(runs)
	bySize := slices.Clone(all)
	slices.SortStableFunc(bySize, func(a, b turn) int { return cmp.Compare(b.size, a.size) })
	var kept []turn
	for _, u := range bySize {
		crowded := func(v turn) bool { return math.Abs(u.x-v.x) < t.seconds*room }
		if len(kept) < flags && !slices.ContainsFunc(kept, crowded) {
			kept = append(kept, u)
		}
	}
	slices.SortFunc(kept, func(a, b turn) int { return cmp.Compare(a.x, b.x) })
	var shown []flag
	for i, u := range kept {
		next := t.seconds
		if i+1 < len(kept) {
			next = kept[i+1].x
		}
		shown = append(shown, flag{
			Left: t.percent(u.x), Top: string(appendNumber(nil, 50-50*u.y, 2)),
			Label: u.words(), Clock: wording.Clock(u.x), At: string(appendNumber(nil, u.x, 2)),
			Up: u.to > u.from, Right: u.x > t.seconds*0.85, Quiet: next-u.x < t.seconds*3*room,
		})
	}
	return shown
}
