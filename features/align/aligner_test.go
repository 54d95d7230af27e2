package align_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/ingest"
)

// clockwork is when the tests take place: ends of windows are multiples of a
// second from here.
var clockwork = time.Unix(1_700_000_000, 0).UTC()

func after(d time.Duration) time.Time { return clockwork.Add(d) }

// speech is one usable step of audio.
func speech(from time.Duration) features.Vector {
	return features.Vector{
		Modality: ingest.Audio, Start: after(from), End: after(from + 100*time.Millisecond), Values: []float32{1},
	}
}

// sentence is a final segment of n one-token words.
func sentence(id string, from, to time.Duration, n int) features.Segment {
	s := features.Segment{ID: id, Start: after(from), End: after(to), Final: true}
	for i := range n {
		start, end := after(from+(to-from)*time.Duration(i)/time.Duration(n)), after(from+(to-from)*time.Duration(i+1)/time.Duration(n))
		s.Words = append(s.Words, features.Interval{Start: start, End: end})
		s.Tokens = append(s.Tokens, features.Vector{Start: start, End: end, Values: []float32{float32(i)}})
	}
	return s
}

// gather returns an Aligner and the windows that it has handed out so far.
func gather(t *testing.T, cfg align.Config) (*align.Aligner, *[]*features.Window) {
	t.Helper()
	var windows []*features.Window
	a := newAligner(t, cfg, func(w *features.Window) { windows = append(windows, w) })
	return a, &windows
}

func TestAReceiptIsReleasedWhenTheLastOpenWindowOfItsVectorIsReleased(t *testing.T) {
	cfg := align.Default()
	cfg.Window = 2 * time.Second
	a, windows := gather(t, cfg)
	acknowledged := map[int]bool{}
	const step = 100 * time.Millisecond
	n := 0
	push := func() {
		v, i := speech(time.Duration(n)*step), n
		v.Receipt = ingest.NewReceipt(func() { acknowledged[i] = true })
		if n%2 == 1 {
			v.Values, v.Reason = nil, ingest.ReasonNoSpeech // it decides what the window says, too
		}
		a.Push(v)
		n++
	}
	for n < 50 {
		push()
	}
	require.Len(t, *windows, 3, "[-1s,1s) [0s,2s) [1s,3s) are final at 5 s")
	assert.Len(t, (*windows)[1].Receipts, 20)
	assert.Empty(t, acknowledged, "no window was published")
	(*windows)[0].Release()
	assert.Empty(t, acknowledged, "the next window holds them")
	(*windows)[1].Release()
	assert.Len(t, acknowledged, 10, "those of [0s,1s), which no open window needs")
	for i := range 10 {
		assert.True(t, acknowledged[i])
	}
	(*windows)[2].Release()
	assert.Len(t, acknowledged, 20, "[2s,4s) is still open")
	a.Close()
	assert.Len(t, acknowledged, 50)
	push()
	assert.Len(t, acknowledged, 51, "what comes after Close")
}

func TestAnUtteranceThatIsStillOpenHoldsItsReceipts(t *testing.T) {
	cfg := align.Default()
	cfg.Window = time.Second
	a, windows := gather(t, cfg)
	a.Push(features.Mark{Modality: ingest.Audio, Time: after(0)})
	s := sentence("long", time.Second, 10*time.Second, 9)
	said, heard := false, map[int]bool{}
	s.Receipt = ingest.NewReceipt(func() { said = true })
	a.Push(s)
	a.Push(features.Mark{Modality: ingest.Text, Time: after(20 * time.Second)})
	push := func(i int) {
		v := speech(time.Duration(i) * 100 * time.Millisecond)
		v.Receipt = ingest.NewReceipt(func() { heard[i] = true })
		a.Push(v)
	}
	for i := range 110 {
		if i != 15 {
			push(i)
		}
	}
	push(15) // too late for every sliding window
	require.Len(t, *windows, 9)
	for _, w := range *windows {
		w.Release()
	}
	assert.False(t, said)
	assert.Len(t, heard, 10, "those of [0s,1s)")
	a.Push(features.Mark{Modality: ingest.Audio, Time: after(10 * time.Second)})
	utterance := (*windows)[len(*windows)-1]
	require.Equal(t, features.Utterance, utterance.Kind)
	assert.Len(t, utterance.Audio, 90)
	for _, w := range (*windows)[9:] {
		w.Release()
	}
	assert.True(t, said)
	assert.Len(t, heard, 100)
}

func TestAReceiptOfManyVectorsIsInAWindowOnce(t *testing.T) {
	a, windows := gather(t, align.Default())
	done := false
	shared := ingest.NewReceipt(func() { done = true })
	for i := range 20 {
		v := speech(time.Duration(i) * 100 * time.Millisecond)
		shared.Retain()
		v.Receipt = shared
		a.Push(v)
	}
	shared.Release()
	a.Flush()
	a.Close()
	require.Len(t, *windows, 2)
	for _, w := range *windows {
		assert.False(t, done)
		assert.Equal(t, []*ingest.Receipt{shared}, w.Receipts)
		w.Release()
	}
	assert.True(t, done)
}

func TestACorrectionThatChangesNothingHoldsNothing(t *testing.T) {
	a, windows := gather(t, align.Default())
	given, acknowledged := 0, 0
	say := func(words int) {
		s := sentence("a", time.Second, 2*time.Second, words)
		given++
		s.Receipt = ingest.NewReceipt(func() { acknowledged++ })
		a.Push(s)
	}
	a.Push(features.Mark{Modality: ingest.Text, Time: after(0)})
	say(1)
	a.Push(features.Mark{Modality: ingest.Text, Time: after(4 * time.Second)})
	require.Len(t, *windows, 5)
	say(1)
	require.Len(t, *windows, 5)
	say(2)
	require.Len(t, *windows, 9, "[-6s,2s) to [-4s,4s) and the utterance")
	a.Close()
	for _, w := range *windows {
		w.Release()
	}
	assert.Equal(t, given, acknowledged)
}

func TestADroppedUnitGivesItsReceiptBackAtOnce(t *testing.T) {
	cfg := align.Default()
	cfg.Window = time.Second
	a, _ := gather(t, cfg)
	for i := range 50 {
		a.Push(speech(time.Duration(i) * 100 * time.Millisecond))
	}
	a.Push(sentence("known", 4*time.Second, 5*time.Second, 1))
	nothing := features.Vector{Modality: ingest.Audio, Start: after(0), End: after(0)}
	text := speech(0)
	text.Modality = ingest.Text
	for name, u := range map[string]features.Unit{
		"a step of no length":       nothing,
		"a token without a segment": text,
		"a step that came before":   speech(4 * time.Second),
		"a step for no open window": speech(time.Second / 2),
		"a step hours ahead":        speech(time.Hour),
		"a segment without an id":   sentence("", 0, time.Second, 1),
		"a segment of an hour":      sentence("long", 0, time.Hour, 1),
		"an unfinished segment after its final form": features.Segment{
			ID: "known", Start: after(4 * time.Second), End: after(5 * time.Second),
		},
	} {
		t.Run(name, func(t *testing.T) {
			released := false
			r := ingest.NewReceipt(func() { released = true })
			switch u := u.(type) {
			case features.Vector:
				u.Receipt = r
				a.Push(u)
			case features.Segment:
				u.Receipt = r
				a.Push(u)
			}
			assert.True(t, released)
		})
	}
	assert.Equal(t, align.Stats{
		Late:      [...]uint64{0, 1, 0},
		Ahead:     [...]uint64{0, 1, 0},
		Repeated:  [...]uint64{1, 1, 0},
		Malformed: 4,
	}, a.Stats())
}

func TestAWindowHoldsTheNewestThatTheModelCanRead(t *testing.T) {
	cfg := align.Default()
	cfg.Limits.Len = [...]int{8, 16, 16}
	a, windows := gather(t, cfg)
	a.Push(features.Mark{Modality: ingest.Text, Time: after(0)})
	a.Push(features.Mark{Modality: ingest.Audio, Time: after(0)})
	a.Push(sentence("a", 0, 2*time.Second, 20))
	for i := range 20 {
		a.Push(speech(time.Duration(i) * 100 * time.Millisecond))
	}
	a.Flush()
	w := (*windows)[1]
	require.Equal(t, after(2*time.Second), w.End)
	require.Len(t, w.Text, 8)
	assert.InDelta(t, 12, w.Text[0].Values[0], 0, "the first twelve are gone")
	assert.InDelta(t, 0.8/8, w.Streams[ingest.Text].Coverage, 1e-12)
	require.Len(t, w.Audio, 16)
	assert.Equal(t, after(400*time.Millisecond), w.Audio[0].Start)
	assert.InDelta(t, 1.6/8, w.Streams[ingest.Audio].Coverage, 1e-12)
}

func TestALongUtteranceKeepsItsBoundsAndItsNewestPart(t *testing.T) {
	cfg := align.Default()
	a, windows := gather(t, cfg)
	a.Push(sentence("monologue", 0, 32*time.Second, 32))
	a.Flush()
	w := (*windows)[len(*windows)-1]
	require.Equal(t, features.Utterance, w.Kind)
	assert.Equal(t, "call/alice/utterance/monologue", w.ID())
	assert.Equal(t, after(0), w.Start)
	assert.Equal(t, after(32*time.Second), w.End)
	assert.Equal(t, after(19200*time.Millisecond), w.From)
	assert.Len(t, w.Text, 13, "the middle of word 19 is 19.5 s")
	assert.InDelta(t, 12.8/32, w.Streams[ingest.Text].Coverage, 1e-12)
}

func TestAWordOutsideOfItsSegmentCountsAtItsEdge(t *testing.T) {
	a, windows := gather(t, align.Default())
	s := sentence("a", time.Second, 2*time.Second, 2)
	s.Tokens[0].Start, s.Tokens[0].End = after(-time.Hour), after(-time.Hour+time.Second)
	s.Tokens[1].Start, s.Tokens[1].End = after(time.Hour), after(time.Hour+time.Second)
	a.Push(s)
	a.Flush()
	require.NotEmpty(t, *windows)
	w := (*windows)[len(*windows)-1]
	assert.Len(t, w.Text, 2)
}

func TestAnUtteranceThatOnlyGrewIsCorrected(t *testing.T) {
	a, windows := gather(t, align.Default())
	s := sentence("a", 0, 2*time.Second, 2)
	a.Push(s)
	a.Push(features.Mark{Modality: ingest.Text, Time: after(4 * time.Second)})
	*windows = nil
	s.End = after(3 * time.Second)
	a.Push(s)
	require.Len(t, *windows, 3, "[-5s,3s) and [-4s,4s) hold the same words, which stand for more; [-6s,2s) says what it did")
	w := (*windows)[2]
	assert.Equal(t, features.Utterance, w.Kind)
	assert.Equal(t, features.Corrected, w.State)
	assert.Equal(t, 2, w.Revision)
	assert.Equal(t, s.End, w.End)
	assert.InDelta(t, 2./3, w.Streams[ingest.Text].Coverage, 1e-12)
}

func TestTheClockOfAWindowIsItsWorst(t *testing.T) {
	cfg := align.Default()
	cfg.MinVideo = 1
	a, windows := gather(t, cfg)
	for i, bound := range []time.Duration{5 * time.Millisecond, 30 * time.Millisecond, 10 * time.Millisecond} {
		v := speech(time.Duration(i) * 100 * time.Millisecond)
		v.Clock = ingest.Clock{Source: ingest.ClockSenderReport, ErrorBound: bound}
		a.Push(v)
	}
	face := speech(0)
	face.Modality, face.Clock = ingest.Video, ingest.Clock{Source: ingest.ClockArrival, ErrorBound: time.Second}
	a.Push(face)
	a.Flush()
	assert.Equal(t, face.Clock, (*windows)[0].Clock)
}

func TestATrackThatTrailsTooFarHoldsNothingBack(t *testing.T) {
	a, windows := gather(t, align.Default())
	a.Push(features.Mark{Modality: ingest.Video, Time: after(0)})
	for at := time.Duration(0); at < 3*time.Minute; at += 100 * time.Millisecond {
		a.Push(speech(at))
	}
	require.NotEmpty(t, *windows)
	assert.Equal(t, after(time.Minute), (*windows)[len(*windows)-1].End)
}

func TestMoreThanMemoryIsSetAsideForIsGivenUpOldestFirst(t *testing.T) {
	a, _ := gather(t, align.Default())
	released := 0
	for i := range 10_000 {
		a.Push(features.Vector{
			Modality: ingest.Audio, Start: after(time.Duration(i)), End: after(time.Duration(i + 1)),
			Receipt: ingest.NewReceipt(func() { released++ }),
		})
	}
	for i := range 2_000 {
		a.Push(sentence(time.Duration(i).String(), time.Duration(i), time.Minute, 1))
	}
	s := a.Stats()
	assert.EqualValues(t, released, s.Overflow[ingest.Audio])
	assert.Greater(t, released, 1000)
	assert.EqualValues(t, 2_000-1024, s.Overflow[ingest.Text])
}

func TestASegmentThatIsGivenUpCorrectsNothing(t *testing.T) {
	a, windows := gather(t, align.Default())
	a.Push(features.Mark{Modality: ingest.Audio, Time: after(3 * time.Second)})
	a.Push(sentence("first", 0, time.Second, 1))
	a.Push(sentence("second", time.Second, 2*time.Second, 4000))
	a.Push(features.Mark{Modality: ingest.Text, Time: after(3 * time.Second)})
	*windows = nil
	a.Push(sentence("first", 0, time.Second, 200))
	assert.EqualValues(t, 1, a.Stats().Overflow[ingest.Text])
	assert.Empty(t, *windows)
}

func TestOverMeansThatEveryTrackHasEnded(t *testing.T) {
	a, _ := gather(t, align.Default())
	assert.False(t, a.Over(), "nothing came yet")
	a.Push(speech(0))
	a.Push(features.Mark{Modality: ingest.Video, Time: after(0), Reason: ingest.ReasonPolicy, End: true})
	assert.False(t, a.Over())
	a.Push(features.Mark{Modality: ingest.Audio, Time: after(time.Second), End: true})
	assert.True(t, a.Over())
	a.Push(speech(2 * time.Second))
	assert.False(t, a.Over(), "a track that goes on")
}

func TestNoUnitAndNoTimeIsNothing(t *testing.T) {
	a, windows := gather(t, align.Default())
	a.Push(nil)
	a.Push(features.Mark{Modality: 7, Time: after(0)})
	a.Push(features.Mark{})
	a.Advance(time.Time{})
	a.Advance(after(time.Hour))
	a.Tick(after(time.Hour))
	a.Flush()
	a.Close()
	a.Close()
	assert.Empty(t, *windows)
	assert.True(t, a.Watermark().IsZero())
	assert.EqualValues(t, 3, a.Stats().Malformed)
}
