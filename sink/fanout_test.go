package sink_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/sink"
)

type publisher func(ctx context.Context, e *sink.Event) error

func (p publisher) Publish(ctx context.Context, e *sink.Event) error { return p(ctx, e) }

func TestTheTroubleOfOneSinkStopsNoOther(t *testing.T) {
	full, gone := errors.New("full"), errors.New("gone")
	delivered := make(chan *sink.Event, 1)
	f := sink.Fanout{
		publisher(func(context.Context, *sink.Event) error { return full }),
		publisher(func(_ context.Context, e *sink.Event) error { delivered <- e; return nil }),
		publisher(func(context.Context, *sink.Event) error { return gone }),
	}
	e := event(t)
	err := f.Publish(t.Context(), e)
	require.ErrorIs(t, err, full)
	require.ErrorIs(t, err, gone)
	assert.Same(t, e, <-delivered)
}

func TestSinksPublishAtTheSameTime(t *testing.T) {
	meet := make(chan struct{})
	f := sink.Fanout{
		publisher(func(context.Context, *sink.Event) error { meet <- struct{}{}; return nil }),
		publisher(func(context.Context, *sink.Event) error { <-meet; return nil }),
	}
	require.NoError(t, f.Publish(t.Context(), event(t)), "one after the other they would wait for ever")
	require.NoError(t, f[:0].Publish(t.Context(), event(t)), "no sink is no trouble")
}
