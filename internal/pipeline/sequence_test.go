package pipeline

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

func person(tb testing.TB, id string) *ingest.Participant {
	tb.Helper()
	p, err := ingest.NewParticipant("call", id)
	require.NoError(tb, err)
	return p
}

func windowAt(p *ingest.Participant, second int) *features.Window {
	return &features.Window{Participant: p, Kind: features.Sliding, End: time.Unix(int64(second), 0), State: features.Final, Revision: 1}
}

func drain(s *sequence) (out []*features.Window) {
	for w := s.pop(); w != nil; w = s.pop() {
		out = append(out, w)
	}
	return out
}

func TestAWindowWaitsUntilNobodyCanCloseAnEarlierOne(t *testing.T) {
	s := newSequence()
	alice, bob := person(t, "alice"), person(t, "bob")
	b1, b2, a1, a2 := windowAt(bob, 1), windowAt(bob, 2), windowAt(alice, 1), windowAt(alice, 2)
	s.push(a1)
	assert.Equal(t, []*features.Window{a1}, drain(s), "bob has not begun: nobody waits for him")
	s.push(b1)
	assert.Equal(t, []*features.Window{b1}, drain(s))
	s.push(b2)
	assert.Empty(t, drain(s), "alice may still close her second window, which comes first")
	s.push(a2)
	assert.Equal(t, []*features.Window{a2, b2}, drain(s))

	b3 := windowAt(bob, 3)
	s.push(b3)
	assert.Empty(t, drain(s))
	s.leave(alice)
	assert.Equal(t, []*features.Window{b3}, drain(s), "nobody waits for one who has left")
}

func TestACorrectionGoesOutAtOnce(t *testing.T) {
	s := newSequence()
	alice := person(t, "alice")
	s.push(windowAt(alice, 5))
	drain(s)
	late := windowAt(alice, 3)
	late.State, late.Revision = features.Corrected, 2
	s.push(late)
	assert.Equal(t, []*features.Window{late}, drain(s))
}

// However the windows of three people interleave, they leave in one order.
func TestTheOrderOfACallDoesNotDependOnWhoWasFaster(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		people := []*ingest.Participant{person(t, "a"), person(t, "b"), person(t, "c")}
		s := newSequence()
		next := make([]int, len(people))
		for i, p := range people { // all have begun
			s.push(windowAt(p, 0))
			next[i] = 1
		}
		const last = 12
		out := drain(s)
		for len(people) > 0 && slices.ContainsFunc(next, func(n int) bool { return n <= last }) {
			i := rapid.IntRange(0, len(people)-1).Draw(rt, "who")
			if next[i] > last {
				s.leave(people[i])
			} else {
				s.push(windowAt(people[i], next[i]))
				next[i]++
			}
			out = append(out, drain(s)...)
		}
		for _, p := range people {
			s.leave(p)
		}
		out = append(out, drain(s)...)
		require.Len(rt, out, len(people)*(last+1))
		begun := out[len(people):] // before all had begun, nobody was waited for
		assert.True(rt, slices.IsSortedFunc(begun, func(a, b *features.Window) int {
			if c := a.End.Compare(b.End); c != 0 {
				return c
			}
			if a.Participant.ID() < b.Participant.ID() {
				return -1
			}
			return 1
		}))
	})
}
