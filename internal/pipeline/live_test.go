package pipeline

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/rolling"
)

// liveCall is a call with provisional windows that is told what time it is.
func liveCall(t *testing.T, p inference.Predictor, to sink.Publisher, change func(*CallConfig)) *Call {
	t.Helper()
	cfg := CallConfig{Align: align.Default(), Rolling: rolling.Default(), Mode: Live}
	cfg.Align.Provisional = true
	if change != nil {
		change(&cfg)
	}
	c, err := engineWith(t, p).NewCall(cfg, to)
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context()))
	return c
}

// everything is a sink that keeps all revisions.
type everything struct {
	mu     sync.Mutex
	events []*sink.Event
	seen   chan struct{} // gets one for each, if not nil
}

func (e *everything) Publish(_ context.Context, event *sink.Event) error {
	e.mu.Lock()
	e.events = append(e.events, event)
	e.mu.Unlock()
	if e.seen != nil {
		e.seen <- struct{}{}
	}
	return nil
}

// speak sends so many tenths of a second of speech, and tells the time as they
// come.
func speak(t *testing.T, c *Call, track *ingest.Track, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		at := time.Unix(0, 0).Add(time.Duration(i) * 100 * time.Millisecond)
		require.NoError(t, c.Handle(t.Context(), ingest.Sample{Track: track, Time: at, Payload: voiced(i), Clock: ingest.Clock{Source: ingest.ClockArrival}}))
		require.NoError(t, c.Advance(at.Add(100*time.Millisecond)))
	}
}

func TestALiveWindowComesWithItsLastSoundAndAgainWhenItIsFinal(t *testing.T) {
	var out everything
	c := liveCall(t, &constant{value: 0.5}, &out, nil)
	track := &ingest.Track{Participant: consenting(t, "alice")[0], Modality: ingest.Audio}
	out.seen = make(chan struct{}, 100)
	speak(t, c, track, 0, 20)
	<-out.seen
	<-out.seen
	speak(t, c, track, 20, 40)
	for range 4 {
		<-out.seen
	}
	require.NoError(t, c.Finish(t.Context()))
	var got []string
	for _, e := range out.events[:6] {
		got = append(got, string(e.State)+" "+e.Window.End.Format("05"))
	}
	assert.Equal(t, []string{"provisional 01", "provisional 02", "provisional 03", "final 01", "provisional 04", "final 02"}, got)
}

func TestNobodyWaitsForAnotherWithAProvisionalWindow(t *testing.T) {
	var out everything
	c := liveCall(t, &constant{value: 0.5}, &out, nil)
	people := consenting(t, "alice", "bob")
	alice, bob := &ingest.Track{Participant: people[0], Modality: ingest.Audio}, &ingest.Track{Participant: people[1], Modality: ingest.Audio}
	require.NoError(t, c.Handle(t.Context(), ingest.Sample{Track: bob, Time: time.Unix(0, 0), Payload: voiced(0)}))
	out.seen = make(chan struct{}, 100)
	speak(t, c, alice, 0, 10)
	<-out.seen // would hang if alice's window waited for bob's
	require.NoError(t, c.Finish(t.Context()))
	assert.Equal(t, "alice", out.events[0].Participant)
}

func TestTheClockClosesTheWindowsOfALiveCallInWhichNothingComes(t *testing.T) {
	silent := make(chan *features.Window, 100)
	c := liveCall(t, &constant{value: 0.5}, memory.New(memory.Default()), func(cfg *CallConfig) {
		cfg.Silent = func(w *features.Window) { silent <- w }
	})
	track := &ingest.Track{Participant: consenting(t, "alice")[0], Modality: ingest.Audio}
	speak(t, c, track, 0, 10)
	for second := 2; second <= 20; second++ {
		require.NoError(t, c.Advance(time.Unix(int64(second), 0)))
	}
	w := <-silent
	assert.Equal(t, ingest.ReasonLost, w.Streams[ingest.Audio].Reason)
	assert.Equal(t, ingest.ReasonNoTrack, w.Streams[ingest.Video].Reason)
	require.NoError(t, c.Finish(t.Context()))
}

// holding is a model that says that it has begun and waits until it may answer.
type holding struct {
	constant
	begun, leave chan struct{}
}

func (h *holding) Predict(ctx context.Context, windows []*features.Window) []inference.Result {
	h.begun <- struct{}{}
	<-h.leave
	return h.constant.Predict(ctx, windows)
}

// stumbling is a model that fails at the window with this end.
type stumbling struct {
	*constant
	end int64
}

func (f stumbling) Predict(ctx context.Context, windows []*features.Window) []inference.Result {
	results := f.constant.Predict(ctx, windows)
	for i, w := range windows {
		if w.End.Unix() == f.end {
			results[i].Err = errors.New("the model stumbled")
		}
	}
	return results
}

func TestWindowsOnTheirWayAreDiscardedWhenConsentIsTakenBack(t *testing.T) {
	model := &holding{constant: constant{value: 0.5}, begun: make(chan struct{}, 100), leave: make(chan struct{})}
	var out everything
	c := liveCall(t, model, &out, nil)
	alice := consenting(t, "alice")[0]
	track := &ingest.Track{Participant: alice, Modality: ingest.Audio}
	speak(t, c, track, 0, 30) // three provisional windows and one that is final
	<-model.begun
	alice.Revoke(ingest.Audio)
	require.NoError(t, c.Withdraw(alice))
	close(model.leave)
	speak(t, c, track, 30, 60)
	require.NoError(t, c.Finish(t.Context()))
	assert.Empty(t, out.events, "neither the one in the model nor those that waited, nor what was kept for later ones")
}

func TestWhoConsentsAgainIsScoredFromThenOn(t *testing.T) {
	var out everything
	c := liveCall(t, &constant{value: 0.5}, &out, func(cfg *CallConfig) { cfg.Align.Provisional = false })
	alice := consenting(t, "alice")[0]
	track := &ingest.Track{Participant: alice, Modality: ingest.Audio}
	speak(t, c, track, 0, 10)
	alice.Revoke(ingest.Audio)
	require.NoError(t, c.Withdraw(alice))
	speak(t, c, track, 10, 20)
	alice.Grant(ingest.Audio)
	speak(t, c, track, 20, 40)
	require.NoError(t, c.Finish(t.Context()))
	require.Len(t, out.events, 2)
	first := out.events[0]
	assert.Equal(t, int64(3), first.Window.End.Unix())
	assert.LessOrEqual(t, float64(first.Modalities.Audio.Coverage), 1.0/8, "only what came after the consent counts")
}

func TestAPurposeThatRefusesAStreamIsNamedAsTheReason(t *testing.T) {
	silent := make(chan *features.Window, 100)
	c := liveCall(t, &constant{value: 0.5}, memory.New(memory.Default()), func(cfg *CallConfig) {
		cfg.Silent = func(w *features.Window) { silent <- w }
	})
	alice := consenting(t, "alice")[0]
	alice.Restrict(ingest.Workplace)
	speak(t, c, &ingest.Track{Participant: alice, Modality: ingest.Audio}, 0, 40)
	require.NoError(t, c.Finish(t.Context()))
	assert.Equal(t, ingest.ReasonPolicy, (<-silent).Streams[ingest.Audio].Reason)
}

func TestProvisionalWindowsAreShedWhileTooManyWait(t *testing.T) {
	model := &holding{constant: constant{value: 0.5}, begun: make(chan struct{}, 1000), leave: make(chan struct{})}
	var out everything
	c := liveCall(t, model, &out, nil)
	people := consenting(t, "a", "b", "c", "d", "e", "f", "g", "h")
	tracks := make([]*ingest.Track, len(people))
	for i, p := range people {
		tracks[i] = &ingest.Track{Participant: p, Modality: ingest.Audio}
	}
	for i := range 60 {
		at := time.Unix(0, 0).Add(time.Duration(i) * 100 * time.Millisecond)
		for _, track := range tracks {
			require.NoError(t, c.Handle(t.Context(), ingest.Sample{Track: track, Time: at, Payload: voiced(i)}))
		}
		require.NoError(t, c.Advance(at.Add(100*time.Millisecond)))
	}
	close(model.leave)
	require.NoError(t, c.Finish(t.Context()))
	provisional, final := 0, 0
	for _, e := range out.events {
		if e.State == features.Provisional {
			provisional++
		} else {
			final++
		}
	}
	assert.Equal(t, 8*6, final, "none of the final ones is lost")
	assert.Less(t, provisional, 8*6)
}

func TestAWindowThatFailsDoesNotEndALiveCall(t *testing.T) {
	var out everything
	model := &constant{value: 0.5}
	c := liveCall(t, stumbling{model, 2}, &out, func(cfg *CallConfig) { cfg.Align.Provisional = false })
	speak(t, c, &ingest.Track{Participant: consenting(t, "alice")[0], Modality: ingest.Audio}, 0, 60)
	require.NoError(t, c.Finish(t.Context()))
	assert.Len(t, out.events, 5, "six windows, of which the second failed")
}

func TestOneWhoIsForgottenBeginsAnew(t *testing.T) {
	store := memory.New(memory.Default())
	c := liveCall(t, &constant{value: 0.5}, store, func(cfg *CallConfig) { cfg.Align.Provisional = false })
	alice := consenting(t, "alice")[0]
	speak(t, c, &ingest.Track{Participant: alice, Modality: ingest.Audio}, 0, 60)
	require.NoError(t, c.Forget(alice))
	again := consenting(t, "alice")[0]
	speak(t, c, &ingest.Track{Participant: again, Modality: ingest.Audio}, 60, 70)
	require.NoError(t, c.Finish(t.Context()))
	last := store.Latest("call", "alice")
	assert.Equal(t, int64(7), last.Window.End.Unix())
	assert.Less(t, float64(last.Rolling.Mass), 0.2, "one window's, an eighth of it covered")
}
