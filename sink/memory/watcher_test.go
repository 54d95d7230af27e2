package memory_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/sinktest"
)

// drain reads what waits for the watcher.
func drain(w *memory.Watcher) []memory.Message {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out []memory.Message
	for {
		next := make(chan memory.Message)
		go func() {
			defer close(next)
			if m, err := w.Next(ctx); err == nil {
				next <- m
			}
		}()
		synctest.Wait()
		select {
		case m, ok := <-next:
			if !ok {
				return out
			}
			out = append(out, m)
		default:
			cancel()
			<-next
			return out
		}
	}
}

func events(messages []memory.Message) []*sink.Event {
	var out []*sink.Event
	for _, m := range messages {
		if m.Event != nil {
			out = append(out, m.Event)
		}
	}
	return out
}

func early(e *sink.Event) *sink.Event {
	e.State, e.Revision = features.Provisional, 0
	return e
}

func status(participant string, state sink.Activity, connected bool) sink.Status {
	return sink.Status{Session: "call", Participant: participant, At: sinktest.Start(), State: state, Connected: connected, Purpose: ingest.General}
}

func tell(t *testing.T, s *memory.Store, statuses ...sink.Status) {
	t.Helper()
	for _, status := range statuses {
		require.NoError(t, s.Tell(status))
	}
}

func TestAWatcherSeesEachRevisionOnce(t *testing.T) {
	s := memory.New(memory.Config{})
	w := s.Watch(memory.View{Session: "call", Room: 8})
	first, corrected := sinktest.Event("call", "a", 1), sinktest.Event("call", "a", 1)
	corrected.Revision = 2
	publish(t, s, first, first, sinktest.Event("other", "a", 1), corrected, first)
	require.NoError(t, s.Close())
	for _, want := range []*sink.Event{first, corrected} {
		m, err := w.Next(t.Context())
		require.NoError(t, err)
		assert.Same(t, want, m.Event)
	}
	_, err := w.Next(t.Context())
	require.ErrorIs(t, err, sink.ErrClosed)
	w.Close()
	w.Close()
	require.ErrorIs(t, s.Tell(status("a", sink.Left, false)), sink.ErrClosed)
}

func TestAWatcherOfAClosedStoreStillGetsWhatIsKept(t *testing.T) {
	s := memory.New(memory.Config{})
	e := sinktest.Event("call", "a", 1)
	publish(t, s, e)
	require.NoError(t, s.Close())
	w := s.Watch(memory.View{Session: "call"})
	m, err := w.Next(t.Context())
	require.NoError(t, err)
	assert.Same(t, e, m.Event)
	_, err = w.Next(t.Context())
	require.ErrorIs(t, err, sink.ErrClosed)
}

func TestAWatcherGoesOnAfterThePositionThatItKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(memory.Config{})
		provisional, other := early(sinktest.Event("call", "a", 1)), sinktest.Event("call", "b", 1)
		final, later := sinktest.Event("call", "a", 1), sinktest.Event("call", "a", 2)
		publish(t, s, provisional, sinktest.Event("elsewhere", "x", 1), other)
		all := s.Since("call", 0)
		require.Len(t, all, 2)
		assert.Equal(t, s.Position("call"), all[1].Position)
		publish(t, s, final, later)

		w := s.Watch(memory.View{Session: "call", Replay: true, After: all[0].Position, Room: 1})
		got := drain(w)
		assert.Equal(t, []*sink.Event{other, final, later}, events(got), "more than the room may be replayed")
		assert.IsIncreasing(t, []uint64{got[0].Position, got[1].Position, got[2].Position})
		w.Close()

		s.Forget("call", "")
		assert.Zero(t, s.Position("call"))
		again := sinktest.Event("call", "a", 1)
		publish(t, s, again)
		assert.Equal(t, []*sink.Event{again}, events(s.Since("call", got[2].Position)), "positions are not given out twice")
	})
}

func TestAWatcherBeginsWithTheNewestEventAndStatusOfEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(memory.Config{})
		a1, a2, b1 := sinktest.Event("call", "a", 1), sinktest.Event("call", "a", 2), sinktest.Event("call", "b", 1)
		publish(t, s, a1, a2, b1, sinktest.Event("other", "a", 5))
		tell(t, s, status("a", sink.Waiting, true), status("b", sink.Scoring, true), status("a", sink.NoData, true))
		assert.Equal(t, []sink.Status{status("a", sink.NoData, true), status("b", sink.Scoring, true)}, s.Statuses("call"))

		w := s.Watch(memory.View{Session: "call"})
		got := drain(w)
		require.Len(t, got, 4)
		assert.Equal(t, []*sink.Event{a2, b1}, events(got))
		assert.Equal(t, sink.NoData, got[2].Status.State)
		w.Close()

		one := s.Watch(memory.View{Session: "call", Participant: "b", Room: 4})
		require.Len(t, drain(one), 2)
		publish(t, s, sinktest.Event("call", "a", 3), sinktest.Event("call", "b", 3))
		tell(t, s, status("a", sink.Left, false), status("b", sink.Left, false))
		got = drain(one)
		require.Len(t, got, 2)
		assert.Equal(t, "b", got[0].Event.Participant)
		assert.Equal(t, "b", got[1].Status.Participant)
		one.Close()

		everything := s.Watch(memory.View{Room: 4})
		assert.Len(t, events(drain(everything)), 3)
		publish(t, s, sinktest.Event("new", "c", 1))
		assert.Len(t, drain(everything), 1)
		everything.Close()
	})
}

func TestASlowWatcherLosesProvisionalEventsFirstAndIsToldHowMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(memory.Config{})
		w := s.Watch(memory.View{Session: "call", Room: 3})
		final := func(i int) *sink.Event { return sinktest.Event("call", "a", i) }
		publish(t, s, final(1), early(final(2)), early(final(3)), early(final(4)))
		publish(t, s, final(5), final(6))
		got := drain(w)
		assert.Equal(t, memory.Lost{Provisional: 3}, got[0].Lost)
		assert.Equal(t, []*sink.Event{final(1), final(5), final(6)}, events(got))

		publish(t, s, final(7), final(8), final(9), early(final(10)))
		tell(t, s, status("a", sink.NoData, true))
		publish(t, s, final(11))
		tell(t, s, status("a", sink.Left, false))
		got = drain(w)
		assert.Equal(t, memory.Lost{Provisional: 1, Final: 1}, got[0].Lost, "a provisional event never drives out a final one")
		assert.Equal(t, []*sink.Event{final(8), final(9), final(11)}, events(got))
		require.Len(t, got, 5)
		assert.Equal(t, sink.Left, got[4].Status.State, "a status gives way only to a newer one")
		w.Close()
	})
}

func TestWhatIsForgottenIsNotHandedOverAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New(memory.Config{})
		publish(t, s, sinktest.Event("call", "a", 1), sinktest.Event("call", "b", 1))
		tell(t, s, status("a", sink.Scoring, true))
		w := s.Watch(memory.View{Session: "call", Replay: true, Room: 9})
		all := s.Watch(memory.View{Replay: true, Room: 9})
		publish(t, s, sinktest.Event("call", "a", 2), sinktest.Event("call", "b", 2))
		tell(t, s, status("a", sink.Erased, false))
		for _, w := range []*memory.Watcher{w, all} {
			got := drain(w)
			require.Len(t, got, 3)
			assert.Equal(t, []*sink.Event{sinktest.Event("call", "b", 1), sinktest.Event("call", "b", 2)}, events(got))
			assert.Equal(t, sink.Erased, got[2].Status.State, "that somebody was erased is told, and not kept")
			w.Close()
		}
		assert.Empty(t, s.Statuses("call"))
		assert.Equal(t, []string{"b"}, s.Participants("call"))
		tell(t, s, status("c", sink.Waiting, true))
		s.Forget("call", "")
		assert.Empty(t, s.Sessions())
		assert.Empty(t, s.Statuses("call"))
	})
}

func TestWhatIsOverExpires(t *testing.T) {
	s := memory.New(memory.Live())
	publish(t, s, sinktest.Event("call", "a", 1), sinktest.Event("call", "b", 100))
	tell(t, s, status("a", sink.Left, false), status("c", sink.Waiting, true))
	s.Expire(sinktest.Start().Add(50 * time.Second))
	assert.Equal(t, []string{"b"}, s.Participants("call"))
	assert.Equal(t, []sink.Status{status("c", sink.Waiting, true)}, s.Statuses("call"), "who is connected stays")
	tell(t, s, status("c", sink.Left, false))
	s.Expire(sinktest.Start().Add(time.Hour))
	assert.Empty(t, s.Sessions())
}

func TestNextEndsWithItsContext(t *testing.T) {
	s := memory.New(memory.Config{})
	w := s.Watch(memory.View{Session: "call"})
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := w.Next(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// Whatever a reader misses, what it got and what it was told to have lost add
// up to what was published, and the room is never exceeded.
func TestNothingIsLostUntold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New(memory.Config{})
		room := rapid.IntRange(1, 5).Draw(rt, "room")
		w := s.Watch(memory.View{Session: "call", Room: room})
		defer w.Close()
		var published, got memory.Lost
		count := func(to *memory.Lost, e *sink.Event) {
			if e.State == features.Provisional {
				to.Provisional++
			} else {
				to.Final++
			}
		}
		read := func(most int) {
			waiting := 0
			done, cancel := context.WithCancel(context.Background())
			defer cancel()
			for range most {
				if published == got {
					break
				}
				m, err := w.Next(done)
				if err != nil {
					rt.Fatal(err)
				}
				if m.Event != nil {
					waiting++
					count(&got, m.Event)
				}
				got.Provisional += m.Lost.Provisional
				got.Final += m.Lost.Final
			}
			if waiting > room {
				rt.Fatalf("%d events waited in a room for %d", waiting, room)
			}
		}
		for i := range rapid.IntRange(0, 40).Draw(rt, "events") {
			e := sinktest.Event("call", "a", i)
			if rapid.Bool().Draw(rt, "provisional") {
				early(e)
			}
			count(&published, e)
			if err := s.Publish(context.Background(), e); err != nil {
				rt.Fatal(err)
			}
			if rapid.IntRange(0, 3).Draw(rt, "reads") == 0 {
				read(1)
			}
		}
		read(1 << 20)
		if published != got {
			rt.Fatalf("published %+v, read or told %+v", published, got)
		}
	})
}

func BenchmarkPublishToWatchers(b *testing.B) {
	s := memory.New(memory.Live())
	for range 100 {
		w := s.Watch(memory.View{Session: "call", Room: 64})
		defer w.Close()
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if err := s.Publish(b.Context(), sinktest.Event("call", "a", i)); err != nil {
			b.Fatal(err)
		}
	}
}
