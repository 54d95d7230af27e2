package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/inference/batch"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/rolling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// constant scores every window alike, or fails from a window on.
type constant struct {
	value float64
	fail  error
	seen  atomic.Int64
}

func (c *constant) Predict(_ context.Context, windows []*features.Window) []inference.Result {
	results := make([]inference.Result, len(windows))
	for i, w := range windows {
		c.seen.Add(1)
		results[i] = inference.Result{Err: c.fail, Score: inference.Score{
			Window: w, Value: c.value, Interval: inference.Interval{Level: 0.9, Low: c.value - 0.2, High: c.value + 0.2},
		}}
		for _, m := range ingest.Modalities() {
			if w.Streams[m].Present {
				results[i].Score.Streams[m] = inference.Contribution{Value: c.value, Weight: 1}
			}
		}
	}
	return results
}

func engineWith(t *testing.T, p inference.Predictor) *Engine {
	t.Helper()
	set := telemetry.Nop()
	b, err := batch.New(batch.Default(), set, p)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Shutdown(context.WithoutCancel(t.Context()))) })
	e := &Engine{set: set, tracer: set.Tracer.Tracer(telemetry.Scope), extractors: &Extractors{}}
	e.scoring.Store(&scoring{batcher: b})
	return e
}

func callWith(t *testing.T, p inference.Predictor, to sink.Publisher) *Call {
	t.Helper()
	c, err := engineWith(t, p).NewCall(CallConfig{Align: align.Default(), Rolling: rolling.Default()}, to)
	require.NoError(t, err)
	return c
}

// talk is a source of sound that counts as speech, one sample every 100 ms.
type talk struct {
	people  []*ingest.Participant
	seconds int
	at      func(second int)
}

func (s talk) Run(ctx context.Context, h ingest.Handler) error {
	tracks := make([]*ingest.Track, len(s.people))
	for i, p := range s.people {
		tracks[i] = &ingest.Track{Participant: p, Modality: ingest.Audio}
	}
	for i := range s.seconds * 10 {
		if i%10 == 0 && s.at != nil {
			s.at(i / 10)
		}
		for _, track := range tracks {
			at := time.Unix(0, 0).Add(time.Duration(i) * 100 * time.Millisecond)
			if err := h.Handle(ctx, ingest.Sample{Track: track, Time: at, Payload: voiced(i), Clock: ingest.Clock{Source: ingest.ClockContainer}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// voiced is 100 ms of a hoarse buzz at 150 Hz, loud for 800 ms of each second.
func voiced(step int) ingest.PCM {
	pcm := make(ingest.PCM, ingest.AudioRate/10)
	if step%10 >= 8 {
		return pcm
	}
	for i := range pcm {
		n := step*len(pcm) + i
		phase := float32(n%107) / 107
		pcm[i] = 0.4*(phase-0.5) + 0.002*float32((n*7919)%101-50)/50
	}
	return pcm
}

func consenting(t *testing.T, ids ...string) []*ingest.Participant {
	t.Helper()
	people := make([]*ingest.Participant, len(ids))
	for i, id := range ids {
		people[i] = person(t, id)
		people[i].Grant(ingest.Text, ingest.Audio, ingest.Video)
	}
	return people
}

func TestEachWindowOfACallBecomesOneEventInOrder(t *testing.T) {
	store := memory.New(memory.Default())
	call := callWith(t, &constant{value: 0.5}, store)
	require.NoError(t, call.Run(t.Context(), talk{people: consenting(t, "bob", "alice"), seconds: 12}))

	events := store.Session("call")
	require.Len(t, events, 24, "12 windows of two people")
	for i, e := range events {
		assert.Equal(t, []string{"alice", "bob"}[i%2], e.Participant, "participants in the order of their names")
		assert.Equal(t, int64(i/2+1), e.Window.End.Unix())
		assert.Equal(t, features.Final, e.State)
	}
	last := events[len(events)-1].Rolling
	assert.Greater(t, float64(last.Participant), 0.2, "twelve windows at 0.5 leave a trace")
	assert.Greater(t, float64(last.Session), float64(last.Participant), "two voices weigh more against the prior than one")
}

// after is a source that runs several, one after the other.
type after []ingest.Source

func (s after) Run(ctx context.Context, h ingest.Handler) error {
	for _, source := range s {
		if err := source.Run(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// ended is the end of a participant's sound at a second of the call.
type ended struct {
	person *ingest.Participant
	second int
}

func (s ended) Run(ctx context.Context, h ingest.Handler) error {
	return h.Handle(ctx, ingest.Sample{Track: &ingest.Track{Participant: s.person, Modality: ingest.Audio}, Time: time.Unix(int64(s.second), 0), Payload: ingest.End{}})
}

func TestNobodyWaitsForAParticipantWhoHasGone(t *testing.T) {
	people := consenting(t, "alice", "bob")
	call := callWith(t, &constant{}, memory.New(memory.Default()))
	most := 0
	require.NoError(t, call.Run(t.Context(), after{
		talk{people: people, seconds: 3},
		ended{people[0], 3},
		talk{people: people[1:], seconds: 20, at: func(int) { most = max(most, len(call.order.waiting)) }},
	}))
	assert.LessOrEqual(t, most, 3, "bob's windows leave while he speaks, not at the end of the call")
}

func TestNothingIsAnalysedWithoutConsent(t *testing.T) {
	predictor := &constant{value: 0.5}
	store := memory.New(memory.Default())
	require.NoError(t, callWith(t, predictor, store).Run(t.Context(), talk{people: []*ingest.Participant{person(t, "alice")}, seconds: 5}))
	assert.Zero(t, predictor.seen.Load())
	assert.Empty(t, store.Session("call"))
}

func TestARevocationHoldsFromTheNextSampleOn(t *testing.T) {
	people := consenting(t, "alice")
	store := memory.New(memory.Default())
	revoke := func(second int) {
		if second == 10 {
			people[0].Revoke(ingest.Audio)
		}
	}
	require.NoError(t, callWith(t, &constant{}, store).Run(t.Context(), talk{people: people, seconds: 22, at: revoke}))
	events := store.Session("call")
	require.NotEmpty(t, events)
	last := events[len(events)-1]
	assert.LessOrEqual(t, last.Window.End.Unix(), int64(18), "no window that lies wholly after the revocation has an event")
	assert.Less(t, float64(last.Modalities.Audio.Coverage), 0.15)
}

func TestAModelThatFailsEndsTheCallWithItsError(t *testing.T) {
	broken := errors.New("out of memory")
	err := callWith(t, &constant{fail: broken}, memory.New(memory.Default())).Run(t.Context(), talk{people: consenting(t, "alice"), seconds: 60})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "call/alice/sliding/", "the error names the window")
}

// failing is a sink that is down.
type failing struct{ err error }

func (f failing) Publish(context.Context, *sink.Event) error { return f.err }

func TestASinkThatFailsEndsTheCallWithItsError(t *testing.T) {
	down := errors.New("the disk is full")
	err := callWith(t, &constant{}, failing{down}).Run(t.Context(), talk{people: consenting(t, "alice"), seconds: 60})
	require.ErrorIs(t, err, down)
}

func TestACancelledCallEndsAtOnceAndLeavesNothingBehind(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stop := func(second int) {
		if second == 20 {
			cancel()
		}
	}
	err := callWith(t, &constant{}, memory.New(memory.Default())).Run(ctx, talk{people: consenting(t, "alice"), seconds: 100000, at: stop})
	require.ErrorIs(t, err, context.Canceled)
}

func TestACallThatIsFinishedTakesNothingMore(t *testing.T) {
	call := callWith(t, &constant{}, memory.New(memory.Default()))
	require.NoError(t, call.Start(t.Context()))
	require.NoError(t, call.Finish(t.Context()))
	require.ErrorIs(t, call.Handle(t.Context(), ingest.Sample{}), ErrFinished)
}
