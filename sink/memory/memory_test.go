package memory_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/sinktest"
)

func TestConformance(t *testing.T) {
	sinktest.Run(t, func(*testing.T) sinktest.Harness {
		s := memory.New(memory.Default())
		return sinktest.Harness{
			Publisher: s, Close: s.Close,
			Events: func(_ *testing.T, session string) []*sink.Event { return s.Session(session) },
		}
	})
}

func publish(t *testing.T, s *memory.Store, events ...*sink.Event) {
	t.Helper()
	for _, e := range events {
		require.NoError(t, s.Publish(t.Context(), e))
	}
}

func TestEventsAreReadInTheOrderOfTheirWindows(t *testing.T) {
	s := memory.New(memory.Config{})
	a1, a2, b1, b2 := sinktest.Event("call", "a", 1), sinktest.Event("call", "a", 2), sinktest.Event("call", "b", 1), sinktest.Event("call", "b", 2)
	publish(t, s, b2, a2, a1, b1)
	assert.Equal(t, []*sink.Event{a1, b1, a2, b2}, s.Session("call"))
	assert.Equal(t, []*sink.Event{a1, a2}, s.Participant("call", "a"))
	assert.Same(t, b2, s.Latest("call", "b"))
	assert.Equal(t, []string{"a", "b"}, s.Participants("call"))
	assert.Nil(t, s.Latest("call", "c"))
	assert.Nil(t, s.Session("other"))
}

func TestACorrectionThatMovesItsWindowReplacesIt(t *testing.T) {
	s := memory.New(memory.Config{})
	cue, next := sinktest.Event("call", "a", 1), sinktest.Event("call", "a", 2)
	cue.ID = "call/a/utterance/1"
	moved := sinktest.Event("call", "a", 3)
	moved.ID, moved.Revision = cue.ID, 2
	publish(t, s, cue, next, moved, cue)
	assert.Equal(t, []*sink.Event{next, moved}, s.Participant("call", "a"))
}

func TestTheStoreIsBoundedByCountAndAge(t *testing.T) {
	byCount := memory.New(memory.Config{Events: 3})
	byAge := memory.New(memory.Config{Age: 2 * time.Second})
	for i := range 10 {
		publish(t, byCount, sinktest.Event("call", "a", i))
		publish(t, byAge, sinktest.Event("call", "a", i))
	}
	want := []*sink.Event{sinktest.Event("call", "a", 7), sinktest.Event("call", "a", 8), sinktest.Event("call", "a", 9)}
	assert.Equal(t, want, byCount.Session("call"))
	assert.Equal(t, want, byAge.Session("call"))
	publish(t, byAge, sinktest.Event("call", "a", 1))
	assert.Equal(t, want, byAge.Session("call"), "what is too old on arrival is not kept")
}

func TestTheQuietestCallIsForgottenFirst(t *testing.T) {
	s := memory.New(memory.Config{Sessions: 2})
	publish(t, s, sinktest.Event("one", "a", 1), sinktest.Event("two", "a", 1), sinktest.Event("one", "a", 2), sinktest.Event("three", "a", 1))
	assert.Equal(t, []string{"one", "three"}, s.Sessions())
}

func TestForgetErasesAPersonOrACall(t *testing.T) {
	s := memory.New(memory.Config{})
	publish(t, s, sinktest.Event("call", "a", 1), sinktest.Event("call", "b", 1))
	s.Forget("call", "a")
	assert.Equal(t, []string{"b"}, s.Participants("call"))
	s.Forget("call", "")
	s.Forget("call", "b")
	assert.Empty(t, s.Sessions())
}

func TestReadersAndWatchersMayComeAndGoWhileEventsArrive(t *testing.T) {
	s := memory.New(memory.Config{Sessions: 2, Events: 10})
	var running sync.WaitGroup
	for _, session := range []string{"one", "two", "three"} {
		running.Go(func() {
			for i := range 100 {
				assert.NoError(t, s.Publish(t.Context(), sinktest.Event(session, "a", i)))
			}
		})
		running.Go(func() {
			for range 100 {
				w := s.Watch(memory.View{Session: session, Replay: true})
				s.Session(session)
				s.Latest(session, "a")
				w.Close()
			}
		})
	}
	running.Wait()
	assert.Len(t, s.Sessions(), 2)
}
