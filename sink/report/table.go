package report

import (
	"math"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink/wording"
)

// table lists the numbers, for who cannot or will not look at the curves.
type table struct {
	Every string // how far apart the rows are, if not all are shown
	Rows  []row
}

type row struct {
	From, To, Name, Score, Polarity, Low, High, Rolling string
	Streams                                             []cell
}

type cell struct{ Score, Weight, Why string }

// rowsAtMost keeps the page of a long call small.
const rowsAtMost = 600

func newTable(t timeline, people []person) table {
	total := 0
	for _, p := range people {
		for _, r := range p.runs {
			total += len(r)
		}
	}
	every := max(1, (total+rowsAtMost-1)/rowsAtMost)
	var out table
	if every > 1 {
		out.Every = wording.Lasting(math.Max(float64(every)*t.hop.Seconds(), 1))
	}
	for _, p := range people {
		n := 0
		for _, r := range p.runs {
			for _, s := range r {
				if n++; (n-1)%every == 0 {
					out.Rows = append(out.Rows, newRow(t, p.Name, s))
				}
			}
		}
	}
	return out
}

func newRow(t timeline, name string, s sample) row {
	r := row{
		From: wording.Clock(t.x(s.Window.Start)), To: wording.Clock(t.x(s.Window.End)), Name: name, Score: wording.Signed(float64(s.Score)), Polarity: s.Polarity,
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

// series is what the script needs to tell the values under the cursor: numbers
// in hundredths, one entry a sample.
type series struct {
	Name    string    `json:"name"`
	At      []float64 `json:"at"` // the middle of the window, in seconds
	Score   []int     `json:"score"`
	Low     []int     `json:"low"`
	High    []int     `json:"high"`
	Rolling []int     `json:"rolling"`
	// Streams hold pairs of score and weight; an absent stream has the score
	// absent + the index of its reason.
	Streams [ingest.NumModalities][]int `json:"streams"`
	Reasons []string                    `json:"reasons"`
	// Lasts is how long an utterance lasts on each side of its middle; a sliding
	// window stands for the time until the next.
	Lasts []float64 `json:"lasts,omitempty"`
}

const absent = 1000

func newSeries(runs []run, name string) series {
	d := series{Name: name, Reasons: []string{}}
	index := map[string]int{}
	for _, r := range runs {
		for _, s := range r {
			d.At = append(d.At, math.Round(s.x*100)/100)
			if s.Window.Kind != features.Sliding {
				d.Lasts = append(d.Lasts, math.Round((s.to-s.from)*50)/100)
			}
			d.Score = append(d.Score, hundredths(float64(s.Score)))
			d.Low = append(d.Low, hundredths(float64(s.Interval.Low)))
			d.High = append(d.High, hundredths(float64(s.Interval.High)))
			d.Rolling = append(d.Rolling, hundredths(float64(s.Rolling.Participant)))
			for _, m := range ingest.Modalities() {
				part := stream(s.Event, m)
				value, weight := hundredths(scoreOf(part)), hundredths(weightOf(part))
				if !part.Present {
					why := wording.Because(part.Reason)
					if _, ok := index[why]; !ok {
						index[why] = len(d.Reasons)
						d.Reasons = append(d.Reasons, why)
					}
					value = absent + index[why]
				}
				d.Streams[m] = append(d.Streams[m], value, weight)
			}
		}
	}
	return d
}

func hundredths(x float64) int { return int(math.Round(min(max(x, -1), 1) * 100)) }
