package calls_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/rolling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a Registry with the shipped model and what came out of it, in a
// bubble of its own time.
type office struct {
	*calls.Registry
	t     *testing.T
	store *memory.Store
}

// in runs a test in a bubble with an office.
func in(t *testing.T, change func(*calls.Config), test func(o *office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		engine, err := pipeline.Open(pipeline.DefaultEngine(), telemetry.Nop())
		require.NoError(t, err)
		cfg := calls.Default()
		if change != nil {
			change(&cfg)
		}
		call := pipeline.CallConfig{Align: align.Default(), Rolling: rolling.Default()}
		call.Align.Limits, call.Align.Provisional = engine.Limits(), true
		o := &office{t: t, store: memory.New(memory.Live())}
		o.Registry, err = calls.New(cfg, call, calls.Scoring(engine), o.store, o.store, telemetry.Nop())
		require.NoError(t, err)
		test(o)
		require.NoError(t, o.Shutdown(t.Context()))
		require.NoError(t, engine.Close(t.Context()))
	})
}

func all() []ingest.Modality { m := ingest.Modalities(); return m[:] }

func (o *office) join(who string, consent ...ingest.Modality) ingest.Seat {
	o.t.Helper()
	seat, err := o.Join(ingest.Entry{Session: "call", Participant: who, Consent: consent})
	require.NoError(o.t, err)
	return seat
}

// speak sends so much speech as time passes.
func (o *office) speak(seat ingest.Seat, long time.Duration) {
	o.t.Helper()
	for range long / (100 * time.Millisecond) {
		now := time.Now()
		time.Sleep(100 * time.Millisecond) // of the bubble's own time
		require.NoError(o.t, seat.Handle(o.t.Context(), ingest.Sample{
			Track: seat.Track(ingest.Audio), Time: now, Payload: buzz(now), Clock: ingest.Clock{Source: ingest.ClockArrival, ErrorBound: time.Millisecond},
		}))
		synctest.Wait()
	}
}

// buzz is 100 ms of a hoarse voice at 150 Hz, loud for 800 ms of each second.
func buzz(at time.Time) ingest.PCM {
	pcm := make(ingest.PCM, ingest.AudioRate/10)
	loud := at.Nanosecond() < int(800*time.Millisecond)
	for i := range pcm {
		n := int(at.UnixMilli()%100000)*16 + i
		pcm[i] = 0.002 * float32((n*7919)%101-50) / 50
		if loud {
			pcm[i] += 0.4 * float32(math.Mod(float64(n)/106.7, 1)-0.5)
		}
	}
	return pcm
}

func (o *office) alice() calls.ParticipantState {
	o.t.Helper()
	s, ok := o.Session("call")
	require.True(o.t, ok)
	for _, p := range s.Participants {
		if p.Participant == "alice" {
			return p
		}
	}
	require.Failf(o.t, "nobody", "alice is not in %v", s)
	return calls.ParticipantState{}
}

func TestWhoSpeaksIsScoredEverySecondWithinASecond(t *testing.T) {
	in(t, nil, func(o *office) {
		seat := o.join("alice", all()...)
		o.speak(seat, 5*time.Second)
		p := o.alice()
		require.NotNil(o.t, p.Latest)
		assert.Equal(o.t, sink.Scoring, p.State)
		assert.True(o.t, p.Connected)
		assert.Equal(o.t, features.Provisional, p.Latest.State)
		assert.Zero(o.t, time.Since(p.Latest.Window.End), "the window that has just ended")
		require.NotNil(o.t, p.Latency.Provisional)
		assert.Less(o.t, p.Latency.Provisional.P50, 1.0, "the clock of a bubble stands still while anybody works")
		seat.Leave()
	})
}

func TestNothingIsAnalysedBeforeConsentAndNothingAfterItIsTakenBack(t *testing.T) {
	in(t, nil, func(o *office) {
		seat := o.join("alice")
		o.speak(seat, 5*time.Second)
		assert.Empty(o.t, o.store.Session("call"))
		p := o.alice()
		assert.Equal(o.t, sink.NoData, p.State)
		assert.Equal(o.t, ingest.ReasonNoConsent, p.Reasons.Audio)

		_, err := o.SetConsent("call", "alice", sink.Modes[bool]{Audio: true}, "")
		require.NoError(o.t, err)
		o.speak(seat, 4*time.Second)
		assert.NotEmpty(o.t, o.store.Session("call"))
		assert.Equal(o.t, sink.Scoring, o.alice().State)

		require.NoError(o.t, o.Revoke("call", "alice"))
		published := len(o.store.Session("call"))
		o.speak(seat, 5*time.Second)
		assert.Len(o.t, o.store.Session("call"), published, "what was in flight is discarded")
		assert.Equal(o.t, sink.NoData, o.alice().State)
		seat.Leave()
	})
}

func TestWhoReconnectsGoesOnWithTheSameScore(t *testing.T) {
	in(t, nil, func(o *office) {
		seat := o.join("alice", all()...)
		o.speak(seat, 10*time.Second)
		require.NoError(o.t, seat.Handle(o.t.Context(), ingest.Sample{Track: seat.Track(ingest.Audio), Time: time.Now(), Payload: ingest.End{Reason: ingest.ReasonLost}}))
		seat.Leave()
		assert.Equal(o.t, sink.Left, o.alice().State)
		before := o.store.Latest("call", "alice").Rolling.Mass
		time.Sleep(20 * time.Second)

		again := o.join("alice")
		assert.Same(o.t, seat.Track(ingest.Audio), again.Track(ingest.Audio))
		o.speak(again, 5*time.Second)
		after := o.store.Latest("call", "alice").Rolling
		assert.Greater(o.t, float64(after.Mass), float64(before)/4, "it has aged by a half-life and a quarter, and goes on")
		assert.True(o.t, o.alice().Consent.Audio, "and so does the consent")
		again.Leave()
	})
}

func TestACallEndsWhenNobodyHasBeenThereForAWhile(t *testing.T) {
	in(t, func(c *calls.Config) { c.Idle = time.Minute }, func(o *office) {
		seat := o.join("alice", all()...)
		time.Sleep(10 * time.Minute)
		_, ok := o.Session("call")
		assert.True(o.t, ok, "somebody is connected")
		seat.Leave()
		time.Sleep(59 * time.Second)
		assert.Len(o.t, o.Sessions(), 1)
		time.Sleep(2 * time.Second)
		assert.Empty(o.t, o.Sessions())
		require.ErrorIs(o.t, seat.Handle(o.t.Context(), ingest.Sample{Track: seat.Track(ingest.Audio), Payload: ingest.PCM{}}), calls.ErrEnded)
	})
}

func TestAtWorkOnlyWordsAreScored(t *testing.T) {
	in(t, func(c *calls.Config) { c.Purpose = ingest.Workplace }, func(o *office) {
		_, err := o.Join(ingest.Entry{Session: "call", Participant: "alice", Purpose: ingest.General})
		require.ErrorIs(o.t, err, ingest.ErrPurpose, "what the operator set cannot be widened")
		seat := o.join("alice", all()...)
		o.speak(seat, 4*time.Second)
		assert.Empty(o.t, o.store.Session("call"))
		assert.Equal(o.t, ingest.ReasonPolicy, o.alice().Reasons.Audio)

		n, err := seat.Transcribe(o.t.Context(), "application/json", []byte(`{"id":"s1","start_ms":0,"end_ms":3000,"text":"this is wonderful news"}`))
		require.NoError(o.t, err)
		assert.Equal(o.t, 1, n)
		o.speak(seat, 4*time.Second)
		latest := o.store.Latest("call", "alice")
		require.NotNil(o.t, latest)
		assert.True(o.t, latest.Modalities.Text.Present)
		assert.Equal(o.t, ingest.ReasonPolicy, latest.Modalities.Audio.Reason)
		seat.Leave()
	})
}

func TestAPurposeThatComesLaterTakesSoundAndPicturesBack(t *testing.T) {
	in(t, nil, func(o *office) {
		seat := o.join("alice", all()...)
		o.speak(seat, 4*time.Second)
		_, err := o.SetConsent("call", "bob", sink.Modes[bool]{}, ingest.Education)
		require.NoError(o.t, err)
		published := len(o.store.Session("call"))
		o.speak(seat, 4*time.Second)
		assert.Len(o.t, o.store.Session("call"), published)
		seat.Leave()
	})
}

func TestTranscriptsCorrectWindowsThatWereFinal(t *testing.T) {
	in(t, nil, func(o *office) {
		seat := o.join("alice", all()...)
		began := time.Now()
		o.speak(seat, 10*time.Second)
		message := `[{"id":"s1","start":"` + began.Add(time.Second).UTC().Format(time.RFC3339Nano) + `","end":"` + began.Add(3*time.Second).UTC().Format(time.RFC3339Nano) + `","text":"I hate this","final":true}]`
		n, err := o.Transcribe(o.t.Context(), "call", "alice", "application/json", []byte(message))
		require.NoError(o.t, err)
		assert.Equal(o.t, 1, n)
		synctest.Wait()
		corrected := 0
		for _, e := range o.store.Session("call") {
			if e.State == features.Corrected {
				corrected++
			}
		}
		assert.Greater(o.t, corrected, 3)
		seat.Leave()
	})
}

func TestTranscriptsAreRefusedWithoutConsentAndWithAWrongClock(t *testing.T) {
	in(t, nil, func(o *office) {
		seat := o.join("alice")
		message := []byte(`{"id":"s1","start":"2031-01-01T00:00:00Z","end":"2031-01-01T00:00:02Z","text":"hello"}`)
		_, err := seat.Transcribe(o.t.Context(), "application/json", message)
		require.ErrorIs(o.t, err, calls.ErrNoConsent)
		_, err = o.SetConsent("call", "alice", sink.Modes[bool]{Text: true}, "")
		require.NoError(o.t, err)
		_, err = seat.Transcribe(o.t.Context(), "application/json", message)
		require.ErrorIs(o.t, err, ingest.ErrTranscript)
		require.ErrorContains(o.t, err, "start_ms")
		_, err = seat.Transcribe(o.t.Context(), "application/json", []byte(`{"id":"s1","start_ms":0,"end_ms":10,"text":"hello"}`))
		require.ErrorIs(o.t, err, ingest.ErrTranscript, "there is no media to count from")
		_, err = o.Transcribe(o.t.Context(), "call", "nobody", "application/json", message)
		require.ErrorIs(o.t, err, calls.ErrUnknown)
		seat.Leave()
	})
}

func TestOneWhoIsErasedIsGoneEverywhere(t *testing.T) {
	in(t, nil, func(o *office) {
		seat, bob := o.join("alice", all()...), o.join("bob", all()...)
		o.speak(seat, 5*time.Second)
		o.speak(bob, 3*time.Second)
		require.NoError(o.t, o.Erase("call", "alice"))
		require.ErrorIs(o.t, seat.Handle(o.t.Context(), ingest.Sample{Track: seat.Track(ingest.Audio), Payload: ingest.PCM{}}), calls.ErrEnded)
		o.speak(bob, 5*time.Second)
		assert.Empty(o.t, o.store.Participant("call", "alice"))
		assert.NotEmpty(o.t, o.store.Participant("call", "bob"))
		require.ErrorIs(o.t, o.Erase("call", "alice"), calls.ErrUnknown)

		again := o.join("alice")
		assert.False(o.t, o.alice().Consent.Audio, "who comes again is asked again")
		seat.Leave()
		again.Leave()
		bob.Leave()
	})
}

func TestThereIsNoRoomBeyondTheLimits(t *testing.T) {
	in(t, func(c *calls.Config) { c.Max, c.MaxParticipants = 1, 1 }, func(o *office) {
		seat := o.join("alice")
		_, err := o.Join(ingest.Entry{Session: "call", Participant: "bob"})
		require.ErrorIs(o.t, err, ingest.ErrFull)
		require.ErrorIs(o.t, o.Ready(), ingest.ErrFull)
		_, err = o.Join(ingest.Entry{Session: "other", Participant: "bob"})
		require.ErrorIs(o.t, err, ingest.ErrFull)
		_, err = o.Join(ingest.Entry{Session: "a/b", Participant: "bob"})
		require.ErrorIs(o.t, err, ingest.ErrID)
		seat.Leave()
	})
}

func TestAShutdownPublishesWhatIsOpenAndRefusesNewcomers(t *testing.T) {
	in(t, nil, func(o *office) {
		seat := o.join("alice", all()...)
		o.speak(seat, 3*time.Second)
		require.NoError(o.t, o.Shutdown(o.t.Context()))
		last := o.store.Latest("call", "alice")
		require.NotNil(o.t, last)
		assert.Equal(o.t, features.Final, last.State)
		_, err := o.Join(ingest.Entry{Session: "call", Participant: "alice"})
		require.ErrorIs(o.t, err, ingest.ErrFull)
		require.ErrorIs(o.t, seat.Handle(context.Background(), ingest.Sample{Track: seat.Track(ingest.Audio), Payload: ingest.PCM{}}), calls.ErrEnded)
	})
}
