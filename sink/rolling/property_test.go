package rolling_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/rolling"
)

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
