package pipeline

import (
	"context"
	"time"

	"github.com/valence-live/valence/sink/rolling"
)

// State is what a call must hand over besides its open windows: numbers, times
// and ids.
type State struct {
	Rolling rolling.State `json:"rolling"`
	// Published is by participant.
	Published map[string]Published `json:"published"`
}

// Resume is where an earlier owner of a call left off. The new one reads from
// before the oldest window that was open then.
type Resume struct {
	State State
	// Complete is from when on windows hold all that they did: they and their
	// context are read again whole. An utterance or a correction that begins before
	// would hold less, and is left out.
	Complete time.Time
}

// Checkpoint returns the state after everything that was handed in so far has
// been dealt with. It waits for that.
func (c *Call) Checkpoint(ctx context.Context) (State, error) {
	states := make(chan State, 1)
	ask := closed{do: func(s *scorer) { states <- s.state() }}
	if err := c.windows.Put(c.stopped, ask); err != nil { //nolint:contextcheck // what ends the call ends the wait
		return State{}, err
	}
	select {
	case s := <-states:
		return s, nil
	case <-c.stopped.Done():
		return State{}, c.stopped.Err()
	case <-ctx.Done():
		return State{}, ctx.Err()
	}
}

func (s *scorer) state() State {
	state := State{Rolling: s.rolling.Snapshot(), Published: make(map[string]Published, len(s.published))}
	for who, p := range s.published {
		state.Published[who] = p.clone()
	}
	return state
}
