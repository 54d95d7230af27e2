package report

import (
	"math"
	"slices"

	"github.com/valence-live/valence/sink"
)

// drawing holds the paths of a chart 200 high, the score +1 at 0 and -1 at 200.
type drawing struct {
	Width               string // in seconds
	Band, Line, Rolling string
	Tint                string // class of the mean score
	Range               string // what the top stands for, if not 1
}

func height(score sink.Number) float64 { return 100 - 100*min(max(float64(score), -1), 1) }

// chart draws scores with their intervals, and the rolling value.
func chart(t timeline, runs []run) drawing {
	var band, line []byte
	var rolling []point
	for _, r := range runs {
		var low, high, score []point
		add := func(x float64, s sample) {
			low = append(low, point{x, height(s.Interval.Low)})
			high = append(high, point{x, height(s.Interval.High)})
			score = append(score, point{x, height(s.Score)})
		}
		add(r[0].from, r[0])
		for _, s := range r {
			if s.x > s.from && s.x < s.to {
				add(s.x, s)
			}
			rolling = append(rolling, point{t.x(s.Window.End), height(s.Rolling.Participant)})
		}
		add(r[len(r)-1].to, r[len(r)-1])
		line = t.pen.curve(line, score, false)
		band = t.pen.curve(band, high, false)
		slices.Reverse(low)
		band = append(t.pen.curve(band, low, true), 'Z')
	}
	return drawing{
		Width: string(appendNumber(nil, t.seconds, 3)),
		Band:  string(band), Line: string(line), Rolling: string(t.pen.curve(nil, ascending(rolling), false)),
	}
}

// together draws the rolling value of the whole call, enlarged if it is small.
func together(t timeline, events []*sink.Event) *drawing {
	largest := 0.0
	for _, e := range events {
		largest = max(largest, math.Abs(float64(e.Rolling.Session)))
	}
	top := 1.0
	for _, smaller := range []float64{0.5, 0.25} {
		if largest <= smaller {
			top = smaller
		}
	}
	var value []point
	for _, e := range events {
		value = append(value, point{t.x(e.Window.End), height(e.Rolling.Session / sink.Number(top))})
	}
	value = ascending(value)
	if len(value) == 0 {
		return nil
	}
	d := &drawing{Width: string(appendNumber(nil, t.seconds, 3)), Range: string(appendNumber(nil, top, 2))}
	line := t.pen.curve(nil, value, false)
	d.Line = string(line)
	first, last := value[0], value[len(value)-1]
	line = t.pen.to(line, 'L', point{last.x, 100})
	d.Band = string(append(t.pen.to(line, 'L', point{first.x, 100}), 'Z'))
	return d
}

// ascending leaves out the points that do not advance; of those at one place the
// last counts.
func ascending(p []point) []point {
	var kept []point
	for _, q := range p {
		switch n := len(kept); {
		case n == 0 || q.x > kept[n-1].x:
			kept = append(kept, q)
		case q.x == kept[n-1].x:
			kept[n-1] = q
		}
	}
	return kept
}
