package audio

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

func TestVectorsDoNotDependOnHowTheSoundWasCut(t *testing.T) {
	pcm := voice(rand.New(rand.NewPCG(5, 6)), ingest.AudioRate+777, 180)
	want := extract(t, New(), pcm, len(pcm))
	rapid.Check(t, func(rt *rapid.T) {
		x := New()
		var got []features.Unit
		emit := func(u features.Unit) { got = append(got, u) }
		for at := 0; at < len(pcm); {
			n := min(rapid.IntRange(1, 9000).Draw(rt, "chunk"), len(pcm)-at)
			require.NoError(rt, x.Extract(ingest.Sample{Time: epoch.Add(pcm[:at].Duration()), Payload: pcm[at : at+n]}, emit))
			at += n
		}
		require.NoError(rt, x.Extract(ingest.Sample{Time: epoch.Add(pcm.Duration()), Payload: ingest.End{}}, emit))
		require.Equal(rt, want, got)
	})
}

func TestVectorsDoNotDependOnTheLevel(t *testing.T) {
	pcm := voice(rand.New(rand.NewPCG(7, 8)), 6*ingest.AudioRate, 120)
	soft := make(ingest.PCM, len(pcm))
	for i, v := range pcm {
		soft[i] = 0.1 * v
	}
	loud, quiet := vectors(extract(t, New(), pcm, 320)), vectors(extract(t, New(), soft, 320))
	require.Len(t, quiet, len(loud))
	speech := 0
	for i := range loud {
		require.Equal(t, loud[i].Reason, quiet[i].Reason, "step %d", i)
		if loud[i].Values != nil {
			speech++
			require.InDeltaSlice(t, loud[i].Values, quiet[i].Values, 1e-3, "step %d", i)
		}
	}
	assert.Greater(t, speech, 30)
}

func TestEveryStepGivesOneVectorOnTheGridOfItsTrack(t *testing.T) {
	vs := vectors(extract(t, New(), voice(rand.New(rand.NewPCG(9, 9)), 5*ingest.AudioRate, 200), 441))
	require.Len(t, vs, 50)
	for i, v := range vs {
		assert.Equal(t, epoch.Add(time.Duration(i)*Step), v.Start)
		assert.Equal(t, v.Start.Add(Step), v.End)
		assert.Equal(t, ingest.Audio, v.Modality)
		if v.Values == nil {
			assert.Equal(t, ingest.ReasonNoSpeech, v.Reason)
		} else {
			assert.Len(t, v.Values, Dim)
			assert.Empty(t, v.Reason)
		}
	}
}

func TestStepsEndAtTheTenthsOfASecondWhereverTheTrackBegins(t *testing.T) {
	pcm := voice(rand.New(rand.NewPCG(3, 3)), ingest.AudioRate, 200)
	begins := []time.Time{ // also outside of the years whose nanoseconds since 1970 fit into 64 bits
		{}, time.Date(1601, 1, 1, 0, 0, 0, 30_000_000, time.UTC), time.Unix(-1, 970_000_000), time.Unix(0, 0), time.Unix(1<<40, 123_456_789),
	}
	for _, begin := range []time.Duration{0, 1, 20 * time.Millisecond, 49 * time.Millisecond, 51 * time.Millisecond, 90 * time.Millisecond, -30 * time.Millisecond} {
		begins = append(begins, epoch.Add(begin))
	}
	for _, begin := range begins {
		x := New()
		var got []features.Unit
		for at := 0; at < len(pcm); at += 320 {
			when := begin.Add(pcm[:at].Duration())
			require.NoError(t, x.Extract(ingest.Sample{Time: when, Payload: pcm[at : at+320]}, func(u features.Unit) { got = append(got, u) }))
		}
		vs := vectors(got)
		require.GreaterOrEqual(t, len(vs), 9)
		for i, v := range vs {
			past := v.End.Sub(v.End.Truncate(Step))
			assert.Less(t, past, 100*time.Microsecond, "step %d of a track that begins at %s ends at %s", i, begin, v.End)
			length := v.End.Sub(v.Start)
			assert.True(t, length == Step || i == 0 && Step/2 <= length && length <= Step+100*time.Microsecond, "step %d lasts %s", i, length)
		}
	}
}

// A live clock is brought into line, and drifts: the steps follow it and stay on
// their grid, and say how far they were off.
func TestStepsFollowTheTimeOfTheSamplesWithoutLeavingTheirGrid(t *testing.T) {
	for _, early := range []time.Duration{-30 * time.Millisecond, 30 * time.Millisecond} {
		pcm := voice(rand.New(rand.NewPCG(3, 3)), 6*ingest.AudioRate, 200)
		x := New()
		var got []features.Unit
		for at := 0; at < len(pcm); at += 320 {
			when := epoch.Add(pcm[:at].Duration())
			if at < ingest.AudioRate {
				when = when.Add(early) // an estimate, before the clock is known
			}
			require.NoError(t, x.Extract(ingest.Sample{Time: when, Payload: pcm[at : at+320], Clock: ingest.Clock{Source: ingest.ClockArrival}}, func(u features.Unit) { got = append(got, u) }))
		}
		vs := vectors(got)
		for i, v := range vs {
			require.Less(t, v.End.Sub(v.End.Truncate(Step)), 100*time.Microsecond, "step %d", i)
			require.LessOrEqual(t, v.Clock.ErrorBound, 31*time.Millisecond)
		}
		last := vs[len(vs)-1]
		assert.LessOrEqual(t, last.Clock.ErrorBound, follow, "it has caught up")
		assert.InDelta(t, 0, epoch.Add(pcm.Duration()).Sub(last.End).Seconds(), .1+follow.Seconds())
		worst := time.Duration(0)
		for _, v := range vs {
			worst = max(worst, v.Clock.ErrorBound)
		}
		assert.InDelta(t, .03, worst.Seconds(), .002, "and said so while it had not")
	}
}

func TestNoiseIsNoSpeechAndDigitalSilenceIsMuted(t *testing.T) {
	for _, v := range vectors(extract(t, New(), noise(rand.New(rand.NewPCG(1, 3)), 4*ingest.AudioRate, 0.1), 320)) {
		require.Equal(t, ingest.ReasonNoSpeech, v.Reason)
	}
	for i, v := range vectors(extract(t, New(), make(ingest.PCM, 4*ingest.AudioRate), 320)) {
		want := ingest.ReasonNoSpeech
		if i >= mutedSteps-1 {
			want = ingest.ReasonMuted
		}
		require.Equal(t, want, v.Reason, "step %d", i)
	}
}

func TestSpeechHangsOnButNotIntoSilence(t *testing.T) {
	faint := noise(rand.New(rand.NewPCG(2, 3)), ingest.AudioRate, 1e-3)
	tone := sine(ingest.AudioRate, 200, 0.2)
	breath := noise(rand.New(rand.NewPCG(4, 3)), ingest.AudioRate, 0.01)
	spoken := func(parts ...ingest.PCM) (n int) {
		var pcm ingest.PCM
		for _, p := range parts {
			pcm = append(pcm, p...)
		}
		for _, v := range vectors(extract(t, New(), pcm, 320)) {
			if v.Values != nil {
				n++
			}
		}
		return n
	}
	assert.Equal(t, 10+hangover, spoken(faint, tone, breath), "what stands out of the noise goes on")
	assert.InDelta(t, 10, spoken(faint, tone, faint), 1, "noise does not")
	assert.InDelta(t, 10, spoken(tone, make(ingest.PCM, ingest.AudioRate)), 1, "silence does not")
}

func TestHumBecomesPartOfTheNoise(t *testing.T) {
	vs := vectors(extract(t, New(), sine(8*ingest.AudioRate, 120, 0.1), 320))
	assert.Nil(t, vs[len(vs)-1].Values)
}

func TestTimeJumpsStartANewGridAndSayWhatWasLost(t *testing.T) {
	pcm := sine(ingest.AudioRate*25/100, 150, 0.2)
	x := New()
	var got []features.Unit
	emit := func(u features.Unit) { got = append(got, u) }
	later := epoch.Add(1234 * time.Millisecond)
	require.NoError(t, x.Extract(ingest.Sample{Time: epoch, Payload: pcm}, emit))
	require.NoError(t, x.Extract(ingest.Sample{Time: later, Payload: pcm}, emit))
	require.Len(t, got, 6)
	tail, ok := got[2].(features.Vector)
	require.True(t, ok)
	assert.Equal(t, epoch.Add(250*time.Millisecond), tail.End, "a step that is at least half there counts")
	assert.Equal(t, features.Mark{Modality: ingest.Audio, Time: later, Reason: ingest.ReasonLost}, got[3])
	first, ok := got[4].(features.Vector)
	require.True(t, ok)
	assert.Equal(t, later, first.Start)
}

func TestTimeNeverRunsBackwards(t *testing.T) {
	pcm := sine(ingest.AudioRate, 150, 0.2)
	x := New()
	var got []features.Unit
	emit := func(u features.Unit) { got = append(got, u) }
	for _, at := range []time.Duration{0, 500 * time.Millisecond, 0, 1010 * time.Millisecond} {
		require.NoError(t, x.Extract(ingest.Sample{Time: epoch.Add(at), Payload: pcm}, emit))
	}
	vs := vectors(got)
	assert.Len(t, vs, 20)
	for i, v := range vs {
		assert.Equal(t, epoch.Add(time.Duration(i)*Step), v.Start)
	}
}

func TestMarksComeAfterWhatWasBuffered(t *testing.T) {
	half := sine(ingest.AudioRate*15/100, 150, 0.2)
	at := func(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }
	mark := func(ms int) features.Mark { return features.Mark{Modality: ingest.Audio, Time: at(ms)} }
	lost := mark(900)
	lost.Reason = ingest.ReasonLost
	end := mark(150)
	end.End = true
	for name, c := range map[string]struct {
		after    ingest.Sample
		vectors  int
		wantMark features.Mark
	}{
		"gap":            {ingest.Sample{Time: at(150), Payload: ingest.Gap{End: at(900), Reason: ingest.ReasonLost}}, 2, lost},
		"end":            {ingest.Sample{Time: at(150), Payload: ingest.End{}}, 2, end},
		"progress":       {ingest.Sample{Time: at(150), Payload: ingest.Progress{}}, 1, mark(100)},
		"late progress":  {ingest.Sample{Time: at(700), Payload: ingest.Progress{}}, 2, mark(700)},
		"early progress": {ingest.Sample{Time: at(20), Payload: ingest.Progress{}}, 1, mark(20)},
	} {
		t.Run(name, func(t *testing.T) {
			x := New()
			var got []features.Unit
			emit := func(u features.Unit) { got = append(got, u) }
			require.NoError(t, x.Extract(ingest.Sample{Time: epoch, Payload: half}, emit))
			require.NoError(t, x.Extract(c.after, emit))
			require.Len(t, got, c.vectors+1)
			assert.Equal(t, c.wantMark, got[c.vectors])
		})
	}
}

func TestForeignPayloadsAreRefused(t *testing.T) {
	err := New().Extract(ingest.Sample{Time: epoch, Payload: ingest.Segment{}}, func(features.Unit) {})
	require.ErrorIs(t, err, ErrPayload)
}

func TestReceiptsAreReleasedOnceEverythingIsOut(t *testing.T) {
	x := New()
	done := 0
	emit := func(u features.Unit) {
		if v, ok := u.(features.Vector); ok {
			v.Receipt.Release()
		}
	}
	send := func(ms int, p ingest.Payload) {
		r := ingest.NewReceipt(func() { done++ })
		require.NoError(t, x.Extract(ingest.Sample{Time: epoch.Add(time.Duration(ms) * time.Millisecond), Payload: p, Receipt: r}, emit))
		r.Release()
	}
	pcm := sine(1600*3/4, 150, 0.2)
	send(0, pcm)
	assert.Equal(t, 0, done, "the step in progress holds its first sample")
	send(75, pcm)
	assert.Equal(t, 1, done)
	send(150, pcm)
	send(225, ingest.End{})
	assert.Equal(t, 4, done)
}

func TestWhatIsBrokenInTheSoundStaysOutOfTheVectors(t *testing.T) {
	pcm := voice(rand.New(rand.NewPCG(5, 6)), 2*ingest.AudioRate, 180)
	for i := range pcm {
		switch i % 500 {
		case 0:
			pcm[i] = float32(math.NaN())
		case 100:
			pcm[i] = float32(math.Inf(1))
		}
	}
	for _, v := range vectors(extract(t, New(), pcm, 320)) {
		for i, f := range v.Values {
			require.False(t, math.IsNaN(float64(f)) || math.IsInf(float64(f), 0), "number %d", i)
		}
	}
}

func TestAStepCostsNoAllocationButItsVector(t *testing.T) {
	pcm := voice(rand.New(rand.NewPCG(5, 6)), 10*ingest.AudioRate, 180)
	x := New()
	steps, speech := 0, 0
	emit := func(u features.Unit) {
		if v, ok := u.(features.Vector); ok {
			steps++
			if v.Values != nil {
				speech++
			}
		}
	}
	var s ingest.Sample
	s.Payload, s.Time = pcm, epoch
	allocs := testing.AllocsPerRun(1, func() {
		steps, speech = 0, 0
		_ = x.Extract(s, emit)
		s.Time = s.Time.Add(10 * time.Second)
	})
	assert.LessOrEqual(t, allocs, float64(steps+speech), "one for the numbers, one for the Unit")
}
