package report

import (
	"math"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink/wording"
)

// table lists the numbers, for who cannot or will not look at the curves.
type table struct {
	Every string // how far apart the rows are, if not all are shown
	Rows  []row
}

type row struct {
	Silent                                              bool // nothing to score: the streams say why, the rest is empty
	From, To, Name, Score, Polarity, Low, High, Rolling string
	Streams                                             []cell
}

type cell struct{ Score, Weight, Why string }

// rowsAtMost keeps the page of a long call small.
const rowsAtMost = 600

func newTable(t timeline, people []person) table {
	total := 0
	for _, p := range people {
		for _, r := range p.all {
			total += len(rows(r))
		}
	}
	every := max(1, (total+rowsAtMost-1)/rowsAtMost)
	var out table
	if every > 1 {
		out.Every = wording.Lasting(math.Max(float64(every)*t.hop.Seconds(), 1))
	}
	for _, p := range people {
		n := 0
		for _, r := range p.all {
			for _, s := range rows(r) {
				if n++; (n-1)%every == 0 {
					out.Rows = append(out.Rows, newRow(t, p.Name, s))
				}
			}
		}
	}
	return out
}

// rows returns the samples that have a row of their own. Windows in which the
// same was missing have one together.
func rows(r run) run {
	if !r[0].silent() {
		return r
	}
	var all run
	for _, part := range stills(r) {
		s := part[0]
		s.end = part[len(part)-1].end
		all = append(all, s)
	}
	return all
}

func newRow(t timeline, name string, s sample) row {
	r := row{From: wording.Clock(t.x(s.start)), To: wording.Clock(t.x(s.end)), Name: name}
	if s.silent() {
		r.Silent = true
		for _, why := range s.why {
			r.Streams = append(r.Streams, cell{Why: wording.Because(why)})
		}
		return r
	}
	r = row{
		From: r.From, To: r.To, Name: name, Score: wording.Signed(float64(s.Score)), Polarity: s.Polarity,
		Low: wording.Signed(float64(s.Interval.Low)), High: wording.Signed(float64(s.Interval.High)), Rolling: wording.Signed(float64(s.Rolling.Participant)),
	}
	for _, m := range ingest.Modalities() {
		part := stream(s.Event, m)
		if part.Present {
			r.Streams = append(r.Streams, cell{Score: wording.Signed(scoreOf(part)), Weight: wording.Percent(weightOf(part))})
		} else {
			r.Streams = append(r.Streams, cell{Why: wording.Because(part.Reason)})
		}
	}
	return r
}
