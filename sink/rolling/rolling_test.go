package rolling_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

func TestAParticipantWhoIsForgottenBeginsAnewAndLeavesTheCall(t *testing.T) {
	both, alone := session(t, rolling.Default()), session(t, rolling.Default())
	for i := range 20 {
		at := time.Duration(i) * time.Second
		both.Apply(window("alice", at, 0.8, 0.2))
		both.Apply(window("bob", at, -0.4, 0.2))
		alone.Apply(window("bob", at, -0.4, 0.2))
	}
	both.Forget("alice")
	got, want := window("bob", 20*time.Second, -0.4, 0.2), window("bob", 20*time.Second, -0.4, 0.2)
	both.Apply(got)
	alone.Apply(want)
	assert.Equal(t, want.Rolling, got.Rolling)
	value, mass := both.ParticipantAt("alice", zero.Add(20*time.Second))
	assert.Zero(t, value)
	assert.Zero(t, mass)
}
