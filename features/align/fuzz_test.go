package align

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// FuzzAligner reads bytes as a stream of units, calls and jumps of time, and
// checks what must hold of every stream.
func FuzzAligner(f *testing.F) {
	f.Add([]byte("a quiet call"), true)
	f.Add([]byte{0, 1, 10, 0, 1, 11, 0, 2, 10, 1, 0, 9, 2, 1, 30, 5, 255, 255, 3, 200, 0, 4, 0, 0}, false)
	f.Add([]byte{2, 0, 0, 2, 1, 0, 2, 2, 0, 3, 255, 3, 3, 255, 0, 0, 1, 1, 6, 0, 0}, true)
	f.Fuzz(func(t *testing.T, script []byte, provisional bool) {
		if len(script) > 1024 {
			t.Skip("long enough")
		}
		p, err := ingest.NewParticipant("call", "alice")
		require.NoError(t, err)
		cfg := Default()
		cfg.Provisional = provisional
		c := checker{t: t, cfg: cfg, newest: map[string]int{}}
		a, err := New(p, cfg, c.window)
		require.NoError(t, err)
		feeder := feeder{a: a, c: &c, now: time.Unix(1_700_000_000, 0)}
		for ; len(script) >= 3; script = script[3:] {
			feeder.step(script[0], script[1], script[2])
			c.bounded(a)
		}
		a.Flush()
		c.bounded(a)
		a.Close()
		require.Equal(t, c.given, c.acknowledged, "receipts")
	})
}

// feeder turns three bytes at a time into a call of the Aligner.
type feeder struct {
	a   *Aligner
	c   *checker
	now time.Time
}

func (f *feeder) step(op, what, when byte) {
	at := f.now.Add(time.Duration(int8(when)) * 50 * time.Millisecond)
	m := ingest.Modality(what % 4) // one too many
	reason := ingest.Reason("")
	if what&0x40 != 0 {
		reason = reasons[int(what)%len(reasons)]
	}
	switch op % 8 {
	case 0, 1:
		v := features.Vector{Modality: m, Start: at, End: at.Add(100 * time.Millisecond), Reason: reason, Receipt: f.c.receipt()}
		if reason == "" {
			v.Values = []float32{1}
		}
		f.a.Push(v)
	case 2:
		f.a.Push(features.Mark{Modality: m, Time: at, Reason: reason, End: what&0x80 != 0})
	case 3:
		f.now = f.now.Add(time.Duration(what) * 20 * time.Millisecond)
		if when&1 != 0 {
			f.a.Advance(f.now)
		} else {
			f.a.Tick(f.now)
		}
	case 4:
		// An id is not used again for another stretch: this one holds for 10 s.
		s := features.Segment{
			ID:    fmt.Sprint(at.Unix()/10, what&3),
			Start: at, End: at.Add(time.Duration(what) * 100 * time.Millisecond),
			Final: what&4 != 0, Receipt: f.c.receipt(),
		}
		for i := range int(what >> 4) {
			from := at.Add(time.Duration(i) * 300 * time.Millisecond)
			s.Tokens = append(s.Tokens, features.Vector{Start: from, End: from.Add(200 * time.Millisecond), Values: []float32{float32(when)}})
			s.Words = append(s.Words, features.Interval{Start: from, End: from.Add(200 * time.Millisecond)})
		}
		f.a.Push(s)
	case 5: // anything, at any time
		at = time.Unix(int64(what)<<(when%56), int64(when))
		f.a.Push(features.Vector{Modality: m, Start: at, End: at.Add(time.Duration(what) << (when % 40)), Receipt: f.c.receipt()})
		f.a.Push(features.Mark{Modality: m, Time: at, Reason: reason, End: what&0x80 != 0})
		f.a.Push(features.Segment{ID: "far", Start: at, End: at.Add(math.MaxInt64), Receipt: f.c.receipt()})
	case 6:
		f.now = f.now.Add(time.Duration(what) * time.Hour)
		f.a.Advance(f.now)
	default:
		f.a.Flush()
	}
}

// checker holds what came out against what must hold.
type checker struct {
	t      *testing.T
	cfg    Config
	newest map[string]int // revision by id
	ends   [2]time.Time   // of the last provisional and final sliding window
	burst  int            // windows since the last call

	given, acknowledged int
}

func (c *checker) receipt() *ingest.Receipt {
	c.given++
	return ingest.NewReceipt(func() { c.acknowledged++ })
}

func (c *checker) window(w *features.Window) {
	t := c.t
	c.burst++
	last, seen := c.newest[w.ID()]
	switch w.State {
	case features.Provisional:
		require.True(t, c.cfg.Provisional)
		require.False(t, seen, "%s is provisional again", w.ID())
		require.Equal(t, revisionProvisional, w.Revision)
	case features.Final:
		require.True(t, !seen || last == revisionProvisional, "%s is final after revision %d", w.ID(), last)
		require.Equal(t, revisionFinal, w.Revision)
	case features.Corrected:
		require.Equal(t, last+1, w.Revision, w.ID())
		require.Greater(t, w.Revision, revisionFinal)
	}
	c.newest[w.ID()] = w.Revision
	if w.Kind == features.Sliding {
		require.Equal(t, c.cfg.Window, w.End.Sub(w.Start))
		require.Zero(t, w.End.UnixNano()%int64(c.cfg.Hop))
		if w.State != features.Corrected {
			require.True(t, w.End.After(c.ends[w.Revision]), "windows go back from %s to %s", c.ends[w.Revision], w.End)
			c.ends[w.Revision] = w.End
		}
	}
	for m, vectors := range [][]features.Vector{w.Text, w.Audio, w.Video} {
		s := w.Streams[m]
		if s.Present != (s.Reason == "") || s.Present != (len(vectors) > 0) || !(0 <= s.Coverage && s.Coverage <= 1) {
			t.Fatalf("%s: %+v with %d %s vectors", w.ID(), s, len(vectors), ingest.Modality(m))
		}
		if len(vectors) > c.cfg.Limits.Len[m] {
			t.Fatalf("%s: %d %s vectors", w.ID(), len(vectors), ingest.Modality(m))
		}
		for i := range vectors {
			v := &vectors[i]
			if v.Values == nil || ingest.Modality(m) != ingest.Text && (v.Start.Before(w.From) || !v.Start.Before(w.End)) {
				t.Fatalf("%s: holds %+v", w.ID(), v)
			}
		}
	}
	c.said(w)
	w.Release()
}

// said checks what text stands for.
func (c *checker) said(w *features.Window) {
	for i := range w.Text {
		require.Positive(c.t, w.Text[i].Weight, w.ID())
	}
	b := &w.Before
	require.GreaterOrEqual(c.t, b.Seconds, float32(0), w.ID())
	require.Equal(c.t, b.Seconds > 0, b.Values != nil, w.ID())
	require.False(c.t, b.Seconds > 0 && !w.Streams[ingest.Text].Present, w.ID())
}

// bounded checks that one call neither kept nor gave more than it may.
func (c *checker) bounded(a *Aligner) {
	most := int((maxBehind + 2*maxAhead + 2*maxUnit) / c.cfg.Hop)
	require.LessOrEqual(c.t, c.burst, most)
	c.burst = 0
	for m := range a.steps {
		require.LessOrEqual(c.t, len(a.steps[m].all), maxSteps)
		require.LessOrEqual(c.t, len(a.tracks[m].gaps), maxGaps)
	}
	require.LessOrEqual(c.t, len(a.text.segments), maxSegments)
	require.LessOrEqual(c.t, a.text.tokens, maxTokens)
	require.LessOrEqual(c.t, len(a.done), int(c.cfg.Correction/c.cfg.Hop)+1)
}
