package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/wording"
)

// spoken is one segment of the transcript, or a silence between two.
type spoken struct {
	Name        string
	Clock       string
	From, To    string // seconds
	Left, Width string // of the words under the curve
	Bar, Indent string // the place of the segment within its words, in percent
	Words       []word
	Tint, Score string
	Silence     string // how long nobody spoke; the rest is empty then
	x, end      float64
	id          string
}

// word is a word and how much the model looked at it: 0 as at any, 1 more, 2
// much more.
type word struct {
	Text string
	Look int
}

// transcript is what everybody said, in the order of time.
type transcript struct {
	t        timeline
	segments []spoken
}

// silence is how many seconds without a word are worth a line of their own.
const silence = 5

func newTranscript(t timeline, c Call) *transcript {
	looks := map[string][]Attention{}
	for _, a := range c.Attention {
		looks[a.Participant] = append(looks[a.Participant], a)
	}
	all := &transcript{t: t}
	for _, name := range sortedKeys(c.Transcript) {
		look := looks[name]
		slices.SortStableFunc(look, func(a, b Attention) int { return a.Time.Compare(b.Time) })
		for _, s := range c.Transcript[name] {
			from, to := t.x(s.Start), t.x(s.End)
			all.segments = append(all.segments, spoken{
				Name: name, Clock: wording.Clock(from), id: s.ID, x: from, end: max(to, from),
				From: string(appendNumber(nil, from, 2)), To: string(appendNumber(nil, to, 2)),
				Words: words(s, look),
			})
		}
	}
	slices.SortStableFunc(all.segments, func(a, b spoken) int { return cmp.Compare(a.x, b.x) })
	return all
}

// words returns the words of a segment, those that were looked at marked.
func words(s ingest.Segment, look []Attention) []word {
	if len(s.Words) == 0 {
		fields := strings.Fields(s.Text)
		all := make([]word, len(fields))
		for i, f := range fields {
			all[i].Text = f
		}
		return all
	}
	all := make([]word, len(s.Words))
	for i, w := range s.Words {
		all[i] = word{Text: w.Text, Look: looked(look, w.Start, w.End)}
	}
	return all
}

// looked is the level of the mean share of attention between two instants.
func looked(look []Attention, from, to time.Time) int {
	at := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(look, t, func(a Attention, t time.Time) int { return a.Time.Compare(t) })
		return i
	}
	part := look[at(from):max(at(from), at(to))]
	var sum float64
	for _, a := range part {
		sum += a.Share
	}
	switch n := float64(len(part)); {
	case sum >= 2*n && n > 0:
		return 2
	case sum >= 1.25*n && n > 0:
		return 1
	default:
		return 0
	}
}

// tint colours the segments of one participant: by the score of the utterance
// itself, else of the window whose middle is nearest.
func (all *transcript) tint(name string, events []*sink.Event, runs []run) {
	utterances := map[string]*sink.Event{}
	for _, e := range events {
		if i := strings.Index(e.ID, "/utterance/"); i >= 0 {
			utterances[e.ID[i+len("/utterance/"):]] = e
		}
	}
	for i := range all.segments {
		s := &all.segments[i]
		if s.Name != name {
			continue
		}
		e, ok := utterances[s.id]
		if !ok {
			e = nearest(runs, (s.x+s.end)/2)
		}
		if e != nil {
			s.Tint, s.Score = tint(float64(e.Score)), wording.Signed(float64(e.Score))
		}
	}
}

// nearest returns the event that stands for an instant, or nil in a gap.
func nearest(runs []run, x float64) *sink.Event {
	for _, r := range runs {
		if x < r[0].from || x > r[len(r)-1].to {
			continue
		}
		i, _ := slices.BinarySearchFunc(r, x, func(s sample, x float64) int { return cmp.Compare(s.to, x) })
		return r[min(i, len(r)-1)].Event
	}
	return nil
}

// cues places the segments of one participant under the curve: each has the
// room until the next.
func (all *transcript) cues(name string) []spoken {
	var own []spoken
	for _, s := range all.segments {
		if s.Name == name {
			own = append(own, s)
		}
	}
	for i := range own {
		s := &own[i]
		length := s.end - s.x
		left, next := s.x, all.t.seconds
		switch len(own) - i {
		case 1: // the end of the call leaves the last little room
			left = all.lean(own)
		case 2:
			next = all.lean(own)
		default:
			next = own[i+1].x
		}
		room := max(min(next-left, max(2.5*length, 4)), 0)
		s.Left, s.Width = all.t.percent(left), all.t.percent(room)
		if room > 0 {
			s.Indent = string(appendNumber(nil, (s.x-left)/room*100, 1))
			s.Bar = string(appendNumber(nil, min(length/room, 1)*100, 1))
		}
	}
	return own
}

// lean is where the words of the last segment begin: earlier than the segment,
// if there is room for them before it but not after.
func (all *transcript) lean(own []spoken) float64 {
	last := own[len(own)-1]
	before := 0.0
	if len(own) > 1 {
		p := own[len(own)-2]
		before = p.x + 2*(p.end-p.x)
	}
	return min(last.x, max(before, all.t.seconds-2*(last.end-last.x)))
}

// lines lists what was said, and the silences.
func (all *transcript) lines() []spoken {
	var lines []spoken
	at := 0.0
	for _, s := range all.segments {
		if s.x-at >= silence {
			lines = append(lines, spoken{Silence: wording.Lasting(s.x - at), Clock: wording.Clock(at), From: string(appendNumber(nil, at, 2)), To: s.From})
		}
		at = max(at, s.end)
		lines = append(lines, s)
	}
	return lines
}
