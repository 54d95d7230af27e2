package report

import (
	"math"
	"slices"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink/wording"
)

// lane shows one stream: a ribbon as thick as the stream's share of the score
// and coloured by what the stream alone says, and hatching where it is absent.
type lane struct {
	Name    string
	Share   string // of the score, while it was there; empty if it never was
	Never   string // why, if it was absent all the time
	Heard   string // share of the call with usable data
	Meter   string // the same as a width
	Why     string // what took the rest
	Width   string // in seconds
	Ribbons []ribbon
	Absent  []gap
}

// ribbon is all of a lane that has one colour.
type ribbon struct{ Tint, Path string }

// colours is how many steps the scale has on each side of 0.
const colours = 4

// tint is the class of a score's colour: n4 ... n1, z, p1 ... p4.
func tint(score float64) string {
	step := int(math.Round(min(max(score, -1), 1) * (colours + 0.5)))
	step = min(max(step, -colours), colours)
	switch {
	case step < 0:
		return "n" + string(rune('0'-step))
	case step > 0:
		return "p" + string(rune('0'+step))
	default:
		return "z"
	}
}

func newLane(t timeline, m ingest.Modality, all []run) lane {
	l := lane{Name: wording.Stream(m), Width: string(appendNumber(nil, t.seconds, 3))}
	paths := map[string][]byte{}
	var gone []loss
	var present, covered, share float64
	for _, r := range all {
		for i := 0; i < len(r); {
			j := i + 1
			why, absent := r[i].absent(m)
			for ; j < len(r); j++ {
				if other, too := r[j].absent(m); too != absent || absent && other != why {
					break
				}
			}
			if absent {
				gone = lose(gone, loss{r[i].from, r[j-1].to, why})
			} else {
				thread(t.pen, paths, r[i:j], m)
				for _, s := range r[i:j] {
					part := stream(s.Event, m)
					length := s.to - s.from
					present += length
					covered += length * float64(part.Coverage)
					share += length * weightOf(part)
				}
			}
			i = j
		}
	}
	for _, c := range []string{"n4", "n3", "n2", "n1", "z", "p1", "p2", "p3", "p4"} {
		if path, ok := paths[c]; ok {
			l.Ribbons = append(l.Ribbons, ribbon{c, string(path)})
		}
	}
	lost := map[ingest.Reason]float64{}
	for _, g := range gone {
		lost[g.why] += g.to - g.from
		why := wording.Because(g.why)
		l.Absent = append(l.Absent, gap{
			Left: t.percent(g.from), Width: t.percent(g.to - g.from), Why: why,
			Title: wording.Clock(g.from) + " to " + wording.Clock(g.to) + ": " + l.Name + " " + why,
		})
	}
	l.summarise(t, present, covered, share, lost)
	return l
}

// loss is a stretch of a lane without the stream.
type loss struct {
	from, to float64
	why      ingest.Reason
}

// lose adds a stretch, to the one before if that only goes on: a stream may be
// absent both where others were scored and where nothing was.
func lose(gone []loss, g loss) []loss {
	if n := len(gone); n > 0 && gone[n-1].why == g.why && gone[n-1].to == g.from {
		gone[n-1].to = g.to
		return gone
	}
	return append(gone, g)
}

// summarise says how much of the stream there was, and what took the rest.
func (l *lane) summarise(t timeline, present, covered, share float64, lost map[ingest.Reason]float64) {
	l.Heard, l.Meter = wording.Percent(covered/t.seconds), t.percent(covered)
	if present > 0 {
		l.Share = wording.Percent(share / present)
	}
	var why []string
	for _, r := range byLength(lost) {
		why = append(why, wording.Because(r))
	}
	l.Why = wording.Listing(why)
	switch {
	case l.Why == "":
	case present > 0:
		l.Why = "at times " + l.Why
	default:
		l.Never = why[0]
	}
}

// thread adds a stretch of a stream to the paths of its colours.
func thread(n pen, paths map[string][]byte, r run, m ingest.Modality) {
	thick := func(i int) float64 { return max(weightOf(stream(r[i].Event, m))*19, 0.8) }
	for i := 0; i < len(r); {
		class := tint(scoreOf(stream(r[i].Event, m)))
		j := i
		edge := thick(i)
		if i > 0 {
			edge = (thick(i-1) + thick(i)) / 2
		}
		points := []point{{r[i].from, 20 - edge}}
		for ; j < len(r) && tint(scoreOf(stream(r[j].Event, m))) == class; j++ {
			if r[j].x > points[len(points)-1].x {
				points = append(points, point{r[j].x, 20 - thick(j)})
			}
			edge = thick(j)
			if j+1 < len(r) {
				edge = (thick(j) + thick(j+1)) / 2
			}
		}
		if to := r[j-1].to; to > points[len(points)-1].x {
			points = append(points, point{to, 20 - edge})
		}
		path := n.lines(paths[class], points, false)
		slices.Reverse(points)
		for k := range points {
			points[k].y = 40 - points[k].y
		}
		paths[class] = append(n.lines(path, points, true), 'Z')
		i = j
	}
}
