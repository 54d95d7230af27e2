package report

import (
	"math"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink/wording"
)

// series is what the script needs to tell the values under the cursor: numbers
// in hundredths, one entry a sample.
type series struct {
	Name    string    `json:"name"`
	At      []float64 `json:"at"`    // the middle of the window, in seconds
	Score   []int     `json:"score"` // absent if there was nothing to score
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

func newSeries(name string, all []run) series {
	d := series{Name: name, Reasons: []string{}}
	index := map[string]int{}
	for _, r := range all {
		for _, s := range r {
			d.At = append(d.At, math.Round(s.x*100)/100)
			if s.silent() {
				d.add(absent, 0, 0, 0)
			} else {
				d.add(hundredths(float64(s.Score)), hundredths(float64(s.Interval.Low)), hundredths(float64(s.Interval.High)), hundredths(float64(s.Rolling.Participant)))
				if s.Window.Kind != features.Sliding {
					d.Lasts = append(d.Lasts, math.Round((s.to-s.from)*50)/100)
				}
			}
			for _, m := range ingest.Modalities() {
				why, yes := s.absent(m)
				if !yes {
					part := stream(s.Event, m)
					d.Streams[m] = append(d.Streams[m], hundredths(scoreOf(part)), hundredths(weightOf(part)))
					continue
				}
				because := wording.Because(why)
				if _, ok := index[because]; !ok {
					index[because] = len(d.Reasons)
					d.Reasons = append(d.Reasons, because)
				}
				d.Streams[m] = append(d.Streams[m], absent+index[because], 0)
			}
		}
	}
	return d
}

func (d *series) add(score, low, high, rolling int) {
	d.Score, d.Low, d.High, d.Rolling = append(d.Score, score), append(d.Low, low), append(d.High, high), append(d.Rolling, rolling)
}

func hundredths(x float64) int { return int(math.Round(min(max(x, -1), 1) * 100)) }
