package redis_test

import (
	"context"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/redis"
	"github.com/valence-live/valence/sink/sinktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// at returns the default settings for a server.
func at(addresses ...string) redis.Config {
	cfg := redis.Default()
	cfg.Addresses = addresses
	cfg.Timeout = 10 * time.Second // the machine that tests may be busy
	return cfg
}

func open(t *testing.T, cfg redis.Config) *redis.Publisher {
	t.Helper()
	p, err := redis.New(cfg, telemetry.Nop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// client returns a client of the server that is not the sink's.
func client(t *testing.T, addr string) *goredis.Client {
	t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: addr, DisableIdentity: true})
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// history reads the stream of a call.
func history(t *testing.T, c goredis.Cmdable, session string) []*sink.Event {
	t.Helper()
	// A test's context is done in its cleanups, in which some look.
	entries, err := c.XRange(context.WithoutCancel(t.Context()), "valence:{"+session+"}:events", "-", "+").Result()
	require.NoError(t, err)
	var events []*sink.Event
	for _, entry := range entries {
		line, ok := entry.Values["event"].(string)
		require.True(t, ok)
		e, err := sink.Decode([]byte(line))
		require.NoError(t, err)
		require.Equal(t, entry.Values["participant"], e.Participant)
		events = append(events, e)
	}
	return events
}

// conform runs the suite of all sinks against a server that flush empties.
func conform(t *testing.T, addr string) {
	t.Helper()
	reader := client(t, addr)
	sinktest.Run(t, func(t *testing.T) sinktest.Harness {
		t.Helper()
		require.NoError(t, reader.FlushAll(t.Context()).Err())
		p := open(t, at(addr))
		return sinktest.Harness{
			Publisher: p, Close: p.Close,
			Events: func(t *testing.T, session string) []*sink.Event { t.Helper(); return history(t, reader, session) },
		}
	})
}
