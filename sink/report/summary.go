package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/wording"
)

// told is how many turns the summary of one person tells one by one.
const told = 4

// describe says in words how the call went for one participant.
func describe(t timeline, who person) sentence {
	s, runs := sentence{Name: who.Name}, who.runs
	say := func(words string, u ...turn) {
		if n := len(s.Parts); n > 0 {
			s.Parts[n-1].Stop = stop(words)
		}
		p := part{Words: strings.TrimLeft(words, stops)}
		if len(u) > 0 {
			p.At, p.Clock = string(appendNumber(nil, u[0].x, 2)), wording.Clock(u[0].x)
		}
		s.Parts = append(s.Parts, p)
	}
	if len(runs) == 0 {
		say(" could not be scored: " + cmp.Or(missing(slices.Concat(who.all...)...), "nothing was heard or seen") + ".")
		return s
	}
	all := t.turns(runs)
	mean := meanScore(runs)
	switch {
	case len(all) == 0:
		low, high := extremes(runs)
		if wording.Polarity(low) == wording.Polarity(high) {
			say(" stays " + wording.Polarity(mean) + " throughout, " + wording.Signed(mean) + " on average.")
		} else {
			say(" is " + wording.Polarity(mean) + " on the whole, " + wording.Signed(mean) + " on average, with moments from " + wording.Signed(low) + " to " + wording.Signed(high) + ".")
		}
		return s
	case len(all) > told:
		low, high := all[0].from, all[0].from
		for _, u := range all {
			low, high = min(low, u.to), max(high, u.to)
		}
		say(fmt.Sprintf(" changes %d times, between %s and %s; the largest is at ", len(all), wording.Signed(low), wording.Signed(high)),
			slices.MaxFunc(all, func(a, b turn) int { return cmp.Compare(a.size, b.size) }))
		say(".")
		return s
	}
	been := map[string]bool{wording.Polarity(all[0].from): true}
	for i, u := range all {
		lead := ", then "
		switch {
		case i == 0:
			lead = " opens " + wording.Polarity(u.from) + ", "
		case i == len(all)-1:
			lead = " and "
		}
		again := ""
		if wording.Polarity(u.from) != wording.Polarity(u.to) && been[wording.Polarity(u.to)] {
			again = " again"
		}
		been[wording.Polarity(u.to)] = true
		say(lead+u.words()+again+" at ", u)
	}
	say(".")
	return s
}

// stops must not begin a line.
const stops = ",."

// stop returns the punctuation that words begin with.
func stop(words string) string {
	return words[:len(words)-len(strings.TrimLeft(words, stops))]
}

// extremes returns the lowest and the highest score.
func extremes(runs []run) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, r := range runs {
		for _, s := range r {
			low, high = min(low, float64(s.Score)), max(high, float64(s.Score))
		}
	}
	return low, high
}

func weightOf(part *sink.Modality) float64 {
	if part.Weight == nil {
		return 0
	}
	return min(max(float64(*part.Weight), 0), 1)
}

func scoreOf(part *sink.Modality) float64 {
	if part.Score == nil {
		return 0
	}
	return float64(*part.Score)
}

func durationOf(d sink.Duration) time.Duration { return time.Duration(d) }

// durationText is a bound as it is read: 12 ms.
func durationText(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return wording.Lasting(d.Seconds())
	case d > 0:
		return string(appendNumber(nil, d.Seconds()*1000, 0)) + " ms"
	default:
		return "the sample"
	}
}

// clockName says where the times come from.
func clockName(c ingest.ClockSource) string {
	switch c {
	case ingest.ClockContainer:
		return "file time stamps"
	case ingest.ClockRecord:
		return "record time stamps"
	case ingest.ClockSenderReport, ingest.ClockAbsCaptureTime:
		return "the sender's clock"
	case ingest.ClockArrival:
		return "estimated on arrival"
	default:
		return "unknown"
	}
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
