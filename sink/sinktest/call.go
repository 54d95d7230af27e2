package sinktest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/rolling"
)

// Call is a made-up call: what a replay of it would publish, and its
// transcript.
type Call struct {
	Events     []*sink.Event // in the order of sink.Compare
	Transcript map[string][]ingest.Segment
	Start, End time.Time
}

// line is what somebody says, in seconds, and how it is meant.
type line struct {
	who        string
	start, end float64
	mood       float64
	text       string
}

// minute is a call that turns twice, with a silence during which a camera is
// off. Bob has no camera at all.
const minute = 60.0

func script() []line {
	return []line{
		{"alice", 0.6, 4.2, 0.50, "Hi Bob, thanks for picking up so quickly, I really appreciate it."},
		{"bob", 4.6, 7.4, 0.30, "Of course, happy to help. What can I do for you?"},
		{"alice", 7.9, 12.5, 0.70, "I love the new cameras, honestly they are the best I have had."},
		{"alice", 13.0, 17.2, -0.45, "But the last delivery arrived late and two boxes were broken."},
		{"bob", 17.5, 19.4, -0.25, "Oh no. I am so sorry."},
		{"alice", 19.8, 25.2, -0.85, "It was a terrible week, nobody answered and I lost a whole day of shooting."},
		{"bob", 25.6, 27.4, -0.05, "One moment, I will look that up."},
		{"bob", 38.4, 42.6, 0.55, "Good news, I can send replacements today and refund the shipping."},
		{"alice", 43.0, 46.0, 0.65, "Really? That is wonderful, thank you so much."},
		{"bob", 46.6, 50.2, 0.40, "They will be with you tomorrow morning, before ten."},
		{"alice", 50.8, 56.0, 0.90, "You have completely saved my weekend. This is fantastic service."},
		{"bob", 56.5, 59.4, 0.65, "A pleasure. Have a great weekend, Alice!"},
	}
}

// NewCall returns a call of Alice and Bob that lasts so many seconds and
// repeats after a minute. Equal arguments give equal calls.
func NewCall(session string, seconds int) Call {
	c := Call{Transcript: map[string][]ingest.Segment{}, Start: Start(), End: at(float64(seconds))}
	lines := repeat(script(), float64(seconds))
	for i, l := range lines {
		c.Transcript[l.who] = append(c.Transcript[l.who], segment(l, i))
		c.add(session, l.who, lines, features.Utterance, c.Transcript[l.who][len(c.Transcript[l.who])-1].ID, l.start, l.end)
	}
	for end := range seconds {
		for _, who := range []string{"alice", "bob"} {
			c.add(session, who, lines, features.Sliding, "", float64(end+1)-8, float64(end+1))
		}
	}
	slices.SortFunc(c.Events, sink.Compare)
	values, err := rolling.New(rolling.Default())
	if err != nil {
		return c // the default is valid, as the tests of rolling show
	}
	for _, e := range c.Events {
		values.Apply(e)
	}
	return c
}

func repeat(once []line, seconds float64) []line {
	var lines []line
	for from := 0.0; from < seconds; from += minute {
		for _, l := range once {
			if l.start, l.end = l.start+from, l.end+from; l.end <= seconds {
				lines = append(lines, l)
			}
		}
	}
	return lines
}

func at(seconds float64) time.Time {
	return Start().Add(time.Duration(math.Round(seconds*1e3)) * time.Millisecond)
}

// segment spreads the words over the line by their length.
func segment(l line, i int) ingest.Segment {
	s := ingest.Segment{ID: fmt.Sprintf("cue-%d", i+1), Start: at(l.start), End: at(l.end), Text: l.text, Final: true}
	from, each := l.start, (l.end-l.start)/float64(len(l.text)+1)
	for word := range strings.FieldsSeq(l.text) {
		to := from + float64(len(word)+1)*each
		s.Words = append(s.Words, ingest.Word{Text: word, Start: at(from), End: at(to)})
		from = to
	}
	return s
}

// add scores a window as a model might, unless it has nothing to score.
func (c *Call) add(session, who string, lines []line, kind features.Kind, cue string, start, end float64) {
	var spoken, mood float64
	for _, l := range lines {
		if both := min(l.end, end) - max(l.start, start); l.who == who && both > 0 {
			spoken, mood = spoken+both, mood+both*l.mood
		}
	}
	length := end - start
	face := seen(who, start, end)
	w := wave(end)
	var m sink.Modalities
	score, weights := 0.0, 0.0
	put := func(part *sink.Modality, coverage, value, weight float64, absent ingest.Reason) {
		if coverage < 0.02 {
			part.Reason = absent
			return
		}
		value = max(-1, min(1, value))
		v, share := sink.Round(value), sink.Number(weight)
		*part = sink.Modality{Present: true, Coverage: sink.Round(min(coverage, 1)), Score: &v, Weight: &share}
		score, weights = score+weight*value, weights+weight
	}
	if spoken > 0 {
		mood /= spoken
	}
	put(&m.Text, spoken/length, mood+0.05*w, 0.55+0.1*w, ingest.ReasonNoWords)
	put(&m.Audio, spoken/length*1.04, 0.6*mood+0.15*wave(end*1.7), 0.25+0.05*w, ingest.ReasonNoSpeech)
	put(&m.Video, face, 0.5*mood+0.1+0.12*wave(end*0.6), 0.2, camera(who))
	if weights == 0 {
		return
	}
	score /= weights
	for _, part := range m.All() {
		if part.Weight != nil {
			*part.Weight = sink.Round(float64(*part.Weight) / weights)
		}
	}
	last := cue
	if kind == features.Sliding {
		last = strconv.FormatInt(at(end).UnixMilli(), 10)
	}
	e := Event(session, who, 0)
	e.ID = fmt.Sprintf("%s/%s/%s/%s", session, who, kind, last)
	e.Window = sink.Window{Kind: kind, Start: at(start), End: at(end)}
	e.Modalities, e.Score, e.Traceparent = m, sink.Round(score), ""
	e.Polarity, e.Probabilities = polarity(score)
	side := 0.40 + 0.5*(1-weights) + 0.25*(1-min(spoken/length*1.5, 1)) + 0.04*wave(end*2.3)
	e.Interval = sink.Interval{Level: 0.9, Low: sink.Round(max(-1, score-side)), High: sink.Round(min(1, score+side))}
	c.Events = append(c.Events, e)
}

// seen is the share of the window in which the face is: Alice turns her camera
// off from 24 s to 39 s of each minute, Bob has none.
func seen(who string, start, end float64) float64 {
	if who == "bob" {
		return 0
	}
	share := 0.0
	for t := max(start, 0); t < end; t += 0.2 {
		if in := math.Mod(t, minute); in < 24 || in >= 39 {
			share += 0.2
		}
	}
	return share / (end - start)
}

func camera(who string) ingest.Reason {
	if who == "bob" {
		return ingest.ReasonNoTrack
	}
	return ingest.ReasonMuted
}

// wave is a smooth unrest in [-1, 1].
func wave(t float64) float64 { return (math.Sin(t*0.9) + math.Sin(t*2.13+1)) / 2 }

func polarity(score float64) (string, sink.Probabilities) {
	up, down := 1/(1+math.Exp(-7*(score-1.0/6))), 1/(1+math.Exp(7*(score+1.0/6)))
	p := sink.Probabilities{Negative: sink.Round(down), Positive: sink.Round(up), Neutral: sink.Round(max(0, 1-up-down))}
	switch {
	case score > 1.0/6:
		return "positive", p
	case score < -1.0/6:
		return "negative", p
	default:
		return "neutral", p
	}
}
