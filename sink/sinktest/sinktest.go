// Package sinktest is the suite that every sink.Publisher passes, and the
// made-up events that tests of sinks, pages and views share.
package sinktest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/sink"
)

// Harness is one sink under test, with nothing published yet.
type Harness struct {
	Publisher sink.Publisher
	// Close ends the sink as its owner does. It may be called twice.
	Close func() error
	// Events returns what a reader of the session has got, in the order in which
	// it got it, repeats and all revisions included where the sink keeps them.
	// It waits for what was published before. It is called before and after
	// Close.
	Events func(t *testing.T, session string) []*sink.Event
}

// Run tests that a sink keeps the contract of sink.Publisher. build makes a
// fresh Harness for each test.
func Run(t *testing.T, build func(t *testing.T) Harness) {
	t.Helper()
	for _, test := range []struct {
		promise string
		run     func(*testing.T, Harness)
	}{
		{"what is published arrives unchanged", arrives},
		{"the events of a participant keep their order", ordered},
		{"a repeat is without harm", repeated},
		{"the highest revision wins", revised},
		{"sessions are kept apart", apart},
		{"participants may publish at the same time", concurrent},
		{"odd and long ids arrive", odd},
		{"a cancelled context delivers nothing", cancelled},
		{"an event that cannot be encoded harms no other", unencodable},
		{"close delivers what was published", closed},
		{"nothing is published after close", after},
		{"close and publish may meet", meet},
	} {
		t.Run(test.promise, func(t *testing.T) { test.run(t, build(t)) })
	}
}

func publish(t *testing.T, h Harness, events ...*sink.Event) {
	t.Helper()
	for _, e := range events {
		before := encode(t, e)
		require.NoError(t, h.Publisher.Publish(t.Context(), e))
		require.Equal(t, before, encode(t, e), "the sink changed the event")
	}
}

func encode(t *testing.T, e *sink.Event) string {
	t.Helper()
	line, err := sink.Encode(e)
	require.NoError(t, err)
	return string(line)
}

// expect compares what a reader keeps with the events wanted, in this order
// for each participant.
func expect(t *testing.T, h Harness, session string, want ...*sink.Event) {
	t.Helper()
	got := byParticipant(t, sink.Newest(h.Events(t, session)))
	assert.Equal(t, byParticipant(t, want), got)
}

func byParticipant(t *testing.T, events []*sink.Event) map[string][]string {
	t.Helper()
	lines := map[string][]string{}
	for _, e := range events {
		lines[e.Participant] = append(lines[e.Participant], encode(t, e))
	}
	return lines
}

func arrives(t *testing.T, h Harness) {
	t.Helper()
	full, bare := Event("call", "alice", 1), Event("call", "alice", 2)
	bare.Traceparent = ""
	utterance := Event("call", "alice", 3)
	utterance.ID, utterance.Window.Kind = "call/alice/utterance/cue%2F1", features.Utterance
	publish(t, h, full, bare, utterance)
	expect(t, h, "call", full, bare, utterance)
}

func ordered(t *testing.T, h Harness) {
	t.Helper()
	var events []*sink.Event
	for i := range 100 {
		events = append(events, Event("call", []string{"alice", "bob"}[i%2], i/2))
	}
	publish(t, h, events...)
	expect(t, h, "call", events...)
}

func repeated(t *testing.T, h Harness) {
	t.Helper()
	first, second := Event("call", "alice", 1), Event("call", "alice", 2)
	publish(t, h, first, second, first, second, second)
	expect(t, h, "call", first, second)
}

func revised(t *testing.T, h Harness) {
	t.Helper()
	provisional, final, corrected := Event("call", "alice", 1), Event("call", "alice", 1), Event("call", "alice", 1)
	provisional.State, provisional.Revision = features.Provisional, 0
	corrected.State, corrected.Revision, corrected.Score = features.Corrected, 2, -0.5
	later := Event("call", "alice", 2)
	publish(t, h, provisional, final, later)
	expect(t, h, "call", final, later)
	publish(t, h, corrected)
	expect(t, h, "call", corrected, later)
	publish(t, h, final, provisional)
	expect(t, h, "call", corrected, later)
}

func apart(t *testing.T, h Harness) {
	t.Helper()
	one, two := Event("one", "alice", 1), Event("two", "alice", 1)
	publish(t, h, one, two)
	expect(t, h, "one", one)
	expect(t, h, "two", two)
	assert.Empty(t, h.Events(t, "three"))
}

func concurrent(t *testing.T, h Harness) {
	t.Helper()
	const people, windows = 8, 50
	var want []*sink.Event
	var running sync.WaitGroup
	for p := range people {
		who := fmt.Sprintf("p%d", p)
		var own []*sink.Event
		for i := range windows {
			own = append(own, Event("call", who, i))
		}
		want = append(want, own...)
		running.Go(func() {
			for _, e := range own {
				assert.NoError(t, h.Publisher.Publish(t.Context(), e))
			}
		})
	}
	running.Wait()
	expect(t, h, "call", want...)
}

func cancelled(t *testing.T, h Harness) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, h.Publisher.Publish(ctx, Event("call", "alice", 1)), context.Canceled)
	assert.Empty(t, h.Events(t, "call"))
	e := Event("call", "alice", 2)
	publish(t, h, e)
	expect(t, h, "call", e)
}

func unencodable(t *testing.T, h Harness) {
	t.Helper()
	bad := Event("bad", "alice", 1)
	bad.Window.End = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) // RFC 3339 has four digits
	if err := h.Publisher.Publish(t.Context(), bad); err != nil {
		assert.NotErrorIs(t, err, sink.ErrClosed)
	}
	e := Event("call", "alice", 2)
	publish(t, h, e)
	expect(t, h, "call", e)
}

func closed(t *testing.T, h Harness) {
	t.Helper()
	var events []*sink.Event
	for i := range 20 {
		events = append(events, Event("call", "alice", i))
	}
	publish(t, h, events...)
	require.NoError(t, h.Close())
	expect(t, h, "call", events...)
}

func after(t *testing.T, h Harness) {
	t.Helper()
	e := Event("call", "alice", 1)
	publish(t, h, e)
	require.NoError(t, h.Close())
	require.NoError(t, h.Close(), "close may be called twice")
	require.ErrorIs(t, h.Publisher.Publish(t.Context(), Event("call", "alice", 2)), sink.ErrClosed)
	expect(t, h, "call", e)
}

func meet(t *testing.T, h Harness) {
	t.Helper()
	var delivered []*sink.Event
	begun, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for i := range 1000 {
			e := Event("call", "alice", i)
			err := h.Publisher.Publish(t.Context(), e)
			select {
			case begun <- struct{}{}:
			default:
			}
			if err != nil {
				assert.ErrorIs(t, err, sink.ErrClosed)
				return
			}
			delivered = append(delivered, e)
		}
	}()
	<-begun
	require.NoError(t, h.Close())
	<-ended
	expect(t, h, "call", delivered...)
}
