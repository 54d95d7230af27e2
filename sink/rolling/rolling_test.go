package rolling_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/rolling"
)

var zero = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// window is a final sliding window, fully covered by text, with the interval
// score +- side at level 0.9.
func window(participant string, end time.Duration, score, side float64) *sink.Event {
	t := zero.Add(end)
	one := sink.Number(1)
	e := &sink.Event{
		ID:       fmt.Sprintf("call/%s/sliding/%d", participant, t.UnixMilli()),
		Revision: 1, State: features.Final, Session: "call", Participant: participant,
		Window: sink.Window{Kind: features.Sliding, Start: t.Add(-8 * time.Second), End: t},
		Score:  sink.Round(score), Interval: sink.Interval{Level: 0.9, Low: sink.Round(score - side), High: sink.Round(score + side)},
	}
	e.Modalities.Text = sink.Modality{Present: true, Coverage: 1, Score: &e.Score, Weight: &one}
	return e
}

func session(t require.TestingT, cfg rolling.Config) *rolling.Session {
	s, err := rolling.New(cfg)
	require.NoError(t, err)
	return s
}

func TestTheWeightIsHalfAtTheScale(t *testing.T) {
	cfg := rolling.Default()
	side := cfg.Scale * math.Log(10)
	assert.InDelta(t, 0.5, cfg.Weight(window("alice", 0, 0, side)), 1e-4)
	assert.InDelta(t, 1, cfg.Weight(window("alice", 0, 0, 0)), 1e-4)

	clipped := window("alice", 0, 0.9, side)
	clipped.Interval.High = 1
	assert.InDelta(t, 0.5, cfg.Weight(clipped), 1e-4, "the side that is not clipped counts")

	half := window("alice", 0, 0, 0)
	half.Modalities.Text.Coverage = 0.5
	assert.InDelta(t, 0.5, cfg.Weight(half), 1e-9)

	long := window("alice", 0, 0, 0)
	long.Window.Kind, long.Window.Start = features.Utterance, long.Window.End.Add(-3*time.Second)
	assert.InDelta(t, 3, cfg.Weight(long), 1e-9)

	bare := window("alice", 0, 0, 0)
	bare.Interval = sink.Interval{}
	assert.Zero(t, cfg.Weight(bare))
}

func TestAWindowCountsHalfAfterTheHalfLife(t *testing.T) {
	s := session(t, rolling.Default())
	require.True(t, s.Apply(window("alice", 0, 0.6, 0)))
	value, mass := s.At(zero)
	assert.InDelta(t, 1, mass, 1e-9)
	assert.InDelta(t, 0.6*1/3, value, 1e-9)
	value, mass = s.At(zero.Add(20 * time.Second))
	assert.InDelta(t, 0.5, mass, 1e-9)
	assert.InDelta(t, 0.6*0.5/2.5, value, 1e-9, "silence brings the value back to 0")
}

func TestACertainWindowCountsMoreThanAnUncertainOne(t *testing.T) {
	s := session(t, rolling.Default())
	s.Apply(window("alice", 0, 0.5, 0.2))
	e := window("alice", time.Second, -0.5, 0.8)
	s.Apply(e)
	assert.Positive(t, float64(e.Rolling.Participant))
}

func TestProvisionalAndOtherWindowsDoNotCountButLearnTheValue(t *testing.T) {
	s := session(t, rolling.Default())
	s.Apply(window("alice", 0, 0.6, 0))
	provisional := window("alice", time.Second, -1, 0)
	provisional.State, provisional.Revision = features.Provisional, 0
	utterance := window("alice", time.Second, -1, 0)
	utterance.Window.Kind = features.Utterance
	for _, e := range []*sink.Event{provisional, utterance} {
		assert.True(t, s.Apply(e))
		assert.Positive(t, float64(e.Rolling.Participant))
		assert.Less(t, float64(e.Rolling.Mass), 1.0)
	}
}

func TestWhoOnlyListensStaysOutOfTheSession(t *testing.T) {
	listener := window("bob", time.Second, -0.8, 0)
	listener.Modalities.Text, listener.Modalities.Video = sink.Modality{}, listener.Modalities.Text
	cfg := rolling.Default()
	s := session(t, cfg)
	s.Apply(window("alice", 0, 0.6, 0))
	s.Apply(listener)
	assert.Negative(t, float64(listener.Rolling.Participant))
	assert.Positive(t, float64(listener.Rolling.Session))

	cfg.Listeners = true
	s = session(t, cfg)
	s.Apply(window("alice", 0, 0.6, 0))
	s.Apply(listener)
	assert.Negative(t, float64(listener.Rolling.Session))
}

func TestACorrectionReplacesItsTerm(t *testing.T) {
	with, without := session(t, rolling.Default()), session(t, rolling.Default())
	for i := range 10 {
		end := time.Duration(i) * time.Second
		with.Apply(window("alice", end, 0.5, 0.3))
		if i != 4 {
			without.Apply(window("alice", end, 0.5, 0.3))
		}
	}
	corrected := window("alice", 4*time.Second, -0.9, 0.1)
	corrected.State, corrected.Revision = features.Corrected, 2
	stale := window("alice", 4*time.Second, 0.9, 0.1)
	require.True(t, with.Apply(corrected))
	require.True(t, with.Apply(stale), "a lower revision is known already")
	require.True(t, without.Apply(corrected))
	assert.Equal(t, without.Snapshot(), with.Snapshot())
}

func TestWhatIsTooLateIsRefused(t *testing.T) {
	s := session(t, rolling.Default())
	for i := range 100 {
		s.Apply(window("alice", time.Duration(i)*time.Second, 0.5, 0.3))
	}
	before := s.Snapshot()
	late := window("alice", 20*time.Second, -1, 0)
	late.State, late.Revision = features.Corrected, 2
	assert.False(t, s.Apply(late))
	assert.Equal(t, before, s.Snapshot())
	assert.LessOrEqual(t, len(before.Session.Terms), 61)
}

func TestSettingsThatCannotWorkAreRefusedTogether(t *testing.T) {
	_, err := rolling.New(rolling.Config{Prior: math.NaN()})
	require.ErrorIs(t, err, rolling.ErrConfig)
	for _, name := range []string{"half_life", "hop", "prior", "scale", "keep", "kind"} {
		require.ErrorContains(t, err, name)
	}
}

// call draws the windows of a call, in order: some empty, some corrected, some
// of people who only listen.
func call(t *rapid.T) []*sink.Event {
	var events []*sink.Event
	seconds := rapid.IntRange(1, 90).Draw(t, "seconds")
	people := []string{"alice", "bob", "carol"}[:rapid.IntRange(1, 3).Draw(t, "people")]
	seed := rapid.Uint64().Draw(t, "seed")
	r := rand.New(rand.NewPCG(seed, seed))
	for i := range seconds {
		for _, who := range people {
			if r.IntN(4) == 0 {
				continue
			}
			e := window(who, time.Duration(i)*time.Second, r.Float64()*2-1, r.Float64())
			if r.IntN(5) == 0 {
				e.Modalities.Text, e.Modalities.Video = sink.Modality{}, e.Modalities.Text
			}
			e.Modalities.Text.Coverage = sink.Round(r.Float64())
			events = append(events, e)
		}
	}
	return events
}

// brute is the definition: every window that comes no later, decayed.
func brute(cfg rolling.Config, known []*sink.Event, e *sink.Event) (own, whole float64) {
	var total [2]struct{ sum, mass float64 }
	for _, k := range known {
		if sink.Compare(k, e) > 0 {
			continue
		}
		w := cfg.Weight(k) * math.Pow(0.5, e.Window.End.Sub(k.Window.End).Seconds()/cfg.HalfLife.Seconds())
		face := k.Modalities.Video.Present && !k.Modalities.Text.Present && !k.Modalities.Audio.Present
		for i, counts := range []bool{k.Participant == e.Participant, !face || cfg.Listeners} {
			if counts {
				total[i].sum += w * float64(k.Score)
				total[i].mass += w
			}
		}
	}
	return total[0].sum / (total[0].mass + cfg.Prior), total[1].sum / (total[1].mass + cfg.Prior)
}

func TestTheValueIsWhatTheDefinitionSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := rolling.Default()
		cfg.Listeners = rapid.Bool().Draw(t, "listeners")
		cfg.HalfLife = time.Duration(rapid.IntRange(1, 60).Draw(t, "half_life")) * time.Second
		s, events := session(t, cfg), call(t)
		for i, e := range events {
			require.True(t, s.Apply(e))
			own, whole := brute(cfg, events[:i+1], e)
			require.InDelta(t, own, float64(e.Rolling.Participant), 0.51e-4)
			require.InDelta(t, whole, float64(e.Rolling.Session), 0.51e-4)
		}
	})
}

func TestTheOrderOfArrivalDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := rolling.Default()
		cfg.Keep = time.Hour
		inOrder, shuffled, events := session(t, cfg), session(t, cfg), call(t)
		for _, e := range events {
			require.True(t, inOrder.Apply(e))
		}
		for _, e := range rapid.Permutation(events).Draw(t, "arrival") {
			require.True(t, shuffled.Apply(e))
			require.True(t, shuffled.Apply(e), "a repeat is without harm")
		}
		require.Equal(t, inOrder.Snapshot(), shuffled.Snapshot())
	})
}

func TestASnapshotGoesOnAsIfItHadNeverStopped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := rolling.Default()
		cfg.Keep = 10 * time.Second
		events := call(t)
		stop := rapid.IntRange(0, len(events)).Draw(t, "stop")
		through, before, after := session(t, cfg), session(t, cfg), session(t, cfg)
		for _, e := range events[:stop] {
			through.Apply(e)
			before.Apply(e)
		}
		numbers, err := json.Marshal(before.Snapshot())
		require.NoError(t, err)
		var state rolling.State
		require.NoError(t, json.Unmarshal(numbers, &state))
		after.Restore(state)
		for _, e := range events[stop:] {
			through.Apply(e)
			after.Apply(e)
		}
		same(t, events, through, after, 1e-12)
	})
}

func TestTheLastEventsRestoreTheValuesUpToRounding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := call(t)
		stop := rapid.IntRange(0, len(events)).Draw(t, "stop")
		through, after := session(t, rolling.Default()), session(t, rolling.Default())
		last := map[string]*sink.Event{}
		for _, e := range events[:stop] {
			through.Apply(e)
			last[e.Participant] = e
		}
		for _, who := range []string{"carol", "alice", "bob"} {
			if e, ok := last[who]; ok {
				after.Resume(published(t, e))
			}
		}
		for _, e := range events[:stop] {
			after.Apply(e) // what is read again after a crash counts once
		}
		for _, e := range events[stop:] {
			through.Apply(e)
			after.Apply(e)
		}
		same(t, events, through, after, 2e-4)
	})
}

// published is the event as a reader has it.
func published(t require.TestingT, e *sink.Event) *sink.Event {
	line, err := sink.Encode(e)
	require.NoError(t, err)
	back, err := sink.Decode(line)
	require.NoError(t, err)
	return back
}

func same(t require.TestingT, events []*sink.Event, a, b *rolling.Session, tolerance float64) {
	end := zero.Add(100 * time.Second)
	for _, who := range []string{"alice", "bob", "carol"} {
		va, ma := a.ParticipantAt(who, end)
		vb, mb := b.ParticipantAt(who, end)
		require.InDelta(t, va, vb, tolerance, "%s after %d events", who, len(events))
		require.InDelta(t, ma, mb, tolerance)
	}
	va, ma := a.At(end)
	vb, mb := b.At(end)
	require.InDelta(t, va, vb, tolerance)
	require.InDelta(t, ma, mb, tolerance)
}

func BenchmarkApply(b *testing.B) {
	s := session(b, rolling.Default())
	b.ReportAllocs()
	e := window("alice", 0, 0.5, 0.3)
	for i := range b.N {
		e.Window.End = zero.Add(time.Duration(i) * time.Second)
		e.ID = "call/alice/sliding/" + e.Window.End.String()
		s.Apply(e)
	}
}
