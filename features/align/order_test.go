package align_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/ingest"
)

// A call is everything that one participant's tracks emit, in order of time.
type call struct {
	cfg    align.Config
	tracks [ingest.NumModalities][]features.Unit
}

// tick is the unit of all times drawn, so that the reference can count.
const tick = 20 * time.Millisecond

// at returns the instant n ticks after 1970.
func at(n int) time.Time { return time.Unix(0, int64(n)*int64(tick)).UTC() }

func drawCall(t *rapid.T) call {
	c := call{cfg: align.Default()}
	c.cfg.Window = time.Duration(rapid.IntRange(20, 80).Draw(t, "window")) * 100 * time.Millisecond
	c.cfg.Hop = rapid.SampledFrom([]time.Duration{500 * time.Millisecond, 700 * time.Millisecond, time.Second}).Draw(t, "hop")
	c.cfg.Lateness = time.Duration(rapid.IntRange(0, 20).Draw(t, "lateness")) * 100 * time.Millisecond
	c.cfg.Idle = time.Minute // the order alone is on trial
	c.cfg.Provisional = rapid.Bool().Draw(t, "provisional")
	c.cfg.Context = time.Duration(rapid.IntRange(0, 100).Draw(t, "context")) * 100 * time.Millisecond
	c.cfg.MinAudio = rapid.IntRange(1, 5).Draw(t, "min_audio")
	c.cfg.Limits.Window = c.cfg.Window + time.Second
	c.cfg.Limits.Len[ingest.Text] = rapid.IntRange(1, 12).Draw(t, "max_text")
	c.cfg.Limits.Len[ingest.Audio] = rapid.IntRange(10, 128).Draw(t, "max_audio")
	start := rapid.IntRange(-250, 250).Draw(t, "start")
	length := rapid.IntRange(25, 700).Draw(t, "length")
	c.tracks[ingest.Text] = drawText(t, start, length)
	c.tracks[ingest.Audio] = drawSteps(t, ingest.Audio, 5, start, length)
	c.tracks[ingest.Video] = drawSteps(t, ingest.Video, 10, start, length)
	return c
}

// drawSteps draws a track of steps with holes, some of which a Mark explains.
func drawSteps(t *rapid.T, m ingest.Modality, step, start, length int) []features.Unit {
	now := start + rapid.IntRange(0, 75).Draw(t, "begin")
	units := []features.Unit{features.Mark{Modality: m, Time: at(now)}}
	reasons := []ingest.Reason{ingest.ReasonNoSpeech, ingest.ReasonNoFace, ingest.ReasonMuted, ingest.ReasonLost}
	for now < start+length {
		run := rapid.IntRange(1, 20).Draw(t, "run")
		switch rapid.IntRange(0, 9).Draw(t, "what") {
		case 0: // lost
			now += run * step
		case 1: // a hole that is explained
			now += run * step
			units = append(units, features.Mark{Modality: m, Time: at(now), Reason: rapid.SampledFrom(reasons).Draw(t, "reason")})
		case 2, 3:
			reason := rapid.SampledFrom(reasons).Draw(t, "reason")
			for range run {
				units = append(units, features.Vector{Modality: m, Start: at(now), End: at(now + step), Reason: reason})
				now += step
			}
		default:
			for range run {
				units = append(units, features.Vector{
					Modality: m, Start: at(now), End: at(now + step), Values: []float32{float32(now)},
					Clock: ingest.Clock{Source: ingest.ClockContainer, ErrorBound: time.Duration(now - start)},
				})
				now += step
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "mark") == 0 {
			units = append(units, features.Mark{Modality: m, Time: at(now)})
		}
	}
	if rapid.Bool().Draw(t, "ends") {
		why := rapid.SampledFrom([]ingest.Reason{"", ingest.ReasonPolicy}).Draw(t, "why")
		units = append(units, features.Mark{Modality: m, Time: at(now), Reason: why, End: true})
	}
	return units
}

// drawText draws segments, some in several versions, in order of Start.
func drawText(t *rapid.T, start, length int) []features.Unit {
	units := []features.Unit{features.Mark{Modality: ingest.Text, Time: at(start)}}
	starts := rapid.SliceOfN(rapid.IntRange(start, start+length), 0, 8).Draw(t, "starts")
	slices.Sort(starts)
	for i, from := range starts {
		versions := rapid.IntRange(1, 3).Draw(t, "versions")
		for v := range versions {
			final := v == versions-1 && rapid.IntRange(0, 4).Draw(t, "final") > 0
			units = append(units, drawSegment(t, fmt.Sprintf("s%d", i), from, final))
		}
	}
	if rapid.Bool().Draw(t, "ends") {
		units = append(units, features.Mark{Modality: ingest.Text, Time: at(start + length + 5), End: true})
	}
	return units
}

func drawSegment(t *rapid.T, id string, start int, final bool) features.Segment {
	length := rapid.IntRange(1, 500).Draw(t, "length")
	s := features.Segment{ID: id, Start: at(start), End: at(start + length), Final: final}
	for range rapid.IntRange(0, 6).Draw(t, "words") {
		from := rapid.IntRange(0, length-1).Draw(t, "from")
		to := rapid.IntRange(from+1, length).Draw(t, "to")
		s.Words = append(s.Words, features.Interval{Start: at(start + from), End: at(start + to)})
		s.Tokens = append(s.Tokens, features.Vector{
			Start: at(start + from), End: at(start + to), Values: []float32{rapid.Float32Range(-4, 4).Draw(t, "value")},
			Clock: ingest.Clock{Source: ingest.ClockContainer, ErrorBound: 1},
		})
	}
	slices.SortFunc(s.Words, func(a, b features.Interval) int { return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End)) })
	slices.SortFunc(s.Tokens, func(a, b features.Vector) int { return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End)) })
	return s
}

func startOf(u features.Unit) time.Time {
	switch u := u.(type) {
	case features.Vector:
		return u.Start
	case features.Segment:
		return u.Start
	default:
		return u.(features.Mark).Time
	}
}

// mayGo reports whether the i-th of the remaining units of a track may arrive
// next: nothing that it leaves behind is then late, a promise broken, or an
// older version of a segment the newer one.
func (c *call) mayGo(rest []features.Unit, i int, now time.Time) bool {
	reached, promise := startOf(rest[i]), time.Time{}
	switch u := rest[i].(type) {
	case features.Vector:
		reached = u.End
	case features.Segment:
		if now.After(reached) {
			reached = now
		}
	case features.Mark:
		promise = u.Time
		if i > 0 && slices.ContainsFunc(rest[:i], func(v features.Unit) bool { _, ok := v.(features.Mark); return ok }) {
			return false // marks come in order
		}
	}
	for k, v := range rest {
		if _, isMark := v.(features.Mark); k == i || isMark && k > i {
			continue
		}
		begin := startOf(v)
		if _, isMark := v.(features.Mark); !isMark && (begin.Before(reached.Add(-c.cfg.Lateness)) || begin.Before(promise)) {
			return false
		}
		s, ok := v.(features.Segment)
		if u, same := rest[i].(features.Segment); ok && same && k < i && s.ID == u.ID {
			return false
		}
		if m, ok := rest[i].(features.Mark); ok && m.End {
			return false // and the end comes last
		}
		if m, ok := v.(features.Mark); ok && k < i && m.Reason != "" {
			return false // which only means something where it stands
		}
	}
	return true
}

// deliver hands the call over in an order drawn from all that are allowed.
func (c *call) deliver(t *rapid.T, a *align.Aligner) {
	rest := c.tracks
	var now time.Time
	for m := range rest { // announced before anything else
		a.Push(rest[m][0])
		rest[m] = rest[m][1:]
	}
	for {
		var open []int
		for m := range rest {
			if len(rest[m]) > 0 {
				open = append(open, m)
			}
		}
		if len(open) == 0 {
			return
		}
		m := rapid.SampledFrom(open).Draw(t, "track")
		reach := rapid.IntRange(0, min(12, len(rest[m])-1)).Draw(t, "reach")
		for !c.mayGo(rest[m], reach, now) {
			reach--
		}
		a.Push(rest[m][reach])
		rest[m] = slices.Delete(slices.Clone(rest[m]), reach, reach+1)
		if rapid.IntRange(0, 19).Draw(t, "advance") == 0 {
			// Not beyond what text may still be late for.
			next := at(1000)
			for _, u := range rest[ingest.Text] {
				next = minTime(next, startOf(u).Add(c.cfg.Lateness))
			}
			if next.After(now) {
				now = next
				a.Advance(now)
			}
		}
	}
}

func newAligner(t require.TestingT, cfg align.Config, emit func(*features.Window)) *align.Aligner {
	p, err := ingest.NewParticipant("call", "alice")
	require.NoError(t, err)
	a, err := align.New(p, cfg, emit)
	require.NoError(t, err)
	return a
}

func TestAnyOrderWithinTheLatenessGivesTheSameFinalWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCall(t)
		var got []*features.Window
		early := map[string]bool{}
		a := newAligner(t, c.cfg, func(w *features.Window) {
			switch w.State {
			case features.Final:
				got = append(got, w)
			case features.Provisional:
				require.True(t, c.cfg.Provisional)
				require.False(t, early[w.ID()], "a second provisional window")
				early[w.ID()] = true
			default:
				require.Fail(t, "a window was corrected", "%s revision %d", w.ID(), w.Revision)
			}
		})
		c.deliver(t, a)
		a.Flush()
		require.Equal(t, align.Stats{}, a.Stats())
		requireSame(t, c.reference(), got)
	})
}

func TestCorrectionsEndWhereAPunctualTranscriptBegins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCall(t)
		punctual := c
		var late []features.Unit
		punctual.tracks[ingest.Text] = slices.DeleteFunc(slices.Clone(c.tracks[ingest.Text]), func(u features.Unit) bool {
			s, ok := u.(features.Segment)
			if ok && s.Final && rapid.Bool().Draw(t, "late") {
				late = append(late, s)
				return true
			}
			return false
		})
		newest := map[string]*features.Window{}
		a := newAligner(t, c.cfg, func(w *features.Window) {
			if old := newest[w.ID()]; old != nil {
				require.Equal(t, old.Revision+1, w.Revision)
			}
			newest[w.ID()] = w
		})
		punctual.deliver(t, a)
		a.Flush()
		for _, u := range rapid.Permutation(late).Draw(t, "order") {
			a.Push(u)
		}
		a.Flush()
		want := c.reference()
		var got []*features.Window
		for _, w := range want {
			require.Contains(t, newest, w.ID())
			n := *newest[w.ID()]
			n.State, n.Revision = w.State, w.Revision
			// Nothing is corrected for what was said before it.
			n.Before, w.Before = features.Before{}, features.Before{}
			got = append(got, &n)
		}
		requireSame(t, want, got)
	})
}

// requireSame compares windows one by one, so that a failure names the first
// that differs.
func requireSame(t *rapid.T, want, got []*features.Window) {
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i].ID(), got[i].ID())
		require.Equal(t, strip(want[i]), strip(got[i]), "window %d: %s", i, want[i].ID())
		require.InDelta(t, want[i].Before.Seconds, got[i].Before.Seconds, 1e-5)
		require.InDeltaSlice(t, want[i].Before.Values, got[i].Before.Values, 1e-5)
	}
	require.Len(t, got, len(want))
}

func strip(w *features.Window) features.Window {
	s := *w
	s.Participant = nil
	s.Before = features.Before{}
	return s
}
