//go:build servers

package redis_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/internal/brokers"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/redis"
	"github.com/valence-live/valence/sink/sinktest"
)

func TestConformanceWithARealServer(t *testing.T) { conform(t, brokers.Redis(t).Addr) }

func TestRedisCLIReadsTheScoresOfACall(t *testing.T) {
	s := brokers.Redis(t)
	p := open(t, at(s.Addr))
	call := sinktest.NewCall("call-17", 20)
	require.NoError(t, p.PublishBatch(t.Context(), call.Events))
	say := func(args ...string) string {
		out, err := s.Tool(t.Context(), args...).Output()
		require.NoError(t, err)
		return strings.TrimSpace(string(out))
	}
	last := call.Events[len(call.Events)-1]
	assert.Equal(t, fmt.Sprintf("%.4f\n2026-03-02T09:30:20Z", float64(last.Score)), say("HMGET", "valence:{call-17}:participant:"+last.Participant, "score", "window_end"))
	assert.Equal(t, strconv.Itoa(len(call.Events)), say("XLEN", "valence:{call-17}:events"))
	assert.Equal(t, "call-17", say("ZRANGE", "valence:sessions", "0", "-1"))
	for key := range strings.SplitSeq(say("KEYS", "*"), "\n") {
		assert.NotContains(t, []string{"-1", "-2"}, say("PTTL", key), "%s expires", key)
	}
}

func TestTheHistoryIsCappedByLength(t *testing.T) {
	s := brokers.Redis(t)
	cfg := at(s.Addr)
	cfg.HistoryLength = 100
	p, c := open(t, cfg), client(t, s.Addr)
	var events []*sink.Event
	for i := range 3000 {
		events = append(events, sinktest.Event("call", "alice", i))
	}
	require.NoError(t, p.PublishBatch(t.Context(), events))
	kept := history(t, c, "call")
	assert.GreaterOrEqual(t, len(kept), 100)
	assert.Less(t, len(kept), 200, "it is trimmed by whole nodes")
	assert.Equal(t, events[len(events)-len(kept):], kept, "the newest stay")
}

// TestLatestScoresMoveForwardOnly has several publishers write the same events,
// each in an order of its own, and looks on.
func TestLatestScoresMoveForwardOnly(t *testing.T) {
	s := brokers.Redis(t)
	c := client(t, s.Addr)
	publishers := []*redis.Publisher{open(t, at(s.Addr)), open(t, at(s.Addr)), open(t, at(s.Addr))}
	rapid.Check(t, func(rt *rapid.T) {
		require.NoError(t, c.FlushAll(t.Context()).Err())
		var events []*sink.Event
		for range rapid.IntRange(1, 40).Draw(rt, "events") {
			e := sinktest.Event("call", rapid.SampledFrom([]string{"alice", "bob"}).Draw(rt, "who"), rapid.IntRange(0, 9).Draw(rt, "second"))
			e.Window.End = e.Window.End.Add(time.Duration(rapid.IntRange(0, 1).Draw(rt, "nanoseconds")))
			e.Revision = rapid.IntRange(0, 12).Draw(rt, "revision")
			e.State = features.Corrected
			e.ID = fmt.Sprintf("call/%s/sliding/%d", e.Participant, e.Window.End.UnixNano())
			events = append(events, e)
		}
		seed := rapid.Uint64().Draw(rt, "seed")
		ended := make(chan struct{})
		var running, watching sync.WaitGroup
		watching.Go(func() { lookOn(t, c, ended) })
		for i, p := range publishers {
			mine := slices.Clone(events)
			rand.New(rand.NewPCG(seed, uint64(i))).Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			running.Go(func() {
				for _, e := range mine {
					assert.NoError(t, p.Publish(t.Context(), e))
				}
			})
		}
		running.Wait()
		close(ended)
		watching.Wait()

		newest, times := map[string]*sink.Event{}, map[string]int{}
		for _, e := range events {
			times[e.ID+"#"+strconv.Itoa(e.Revision)] = 1
			for _, key := range []string{"valence:{call}", "valence:{call}:participant:" + e.Participant} {
				if was, ok := newest[key]; !ok || after(e, was) {
					newest[key] = e
				}
			}
		}
		for key, e := range newest {
			latest, err := sink.Decode([]byte(c.HGet(t.Context(), key, "event").Val()))
			require.NoError(t, err)
			require.Equal(t, e.ID, latest.ID, key)
			require.Equal(t, e.Revision, latest.Revision, key)
		}
		found := map[string]int{}
		for _, e := range history(t, c, "call") {
			found[e.ID+"#"+strconv.Itoa(e.Revision)]++
		}
		require.Equal(t, times, found, "each revision is in the history once")
	})
}

// after is the order of (window end, revision), and then of the id.
func after(a, b *sink.Event) bool {
	if !a.Window.End.Equal(b.Window.End) {
		return a.Window.End.After(b.Window.End)
	}
	return a.Revision > b.Revision || a.Revision == b.Revision && a.ID > b.ID
}

// lookOn reads the latest scores until it has ended.
func lookOn(t *testing.T, c *goredis.Client, ended <-chan struct{}) {
	t.Helper()
	newest := map[string]*sink.Event{}
	for {
		for _, key := range []string{"valence:{call}", "valence:{call}:participant:alice", "valence:{call}:participant:bob"} {
			line, err := c.HGet(t.Context(), key, "event").Result()
			if errors.Is(err, goredis.Nil) {
				continue
			}
			e, failed := sink.Decode([]byte(line))
			if err != nil || failed != nil {
				t.Errorf("read %s: %v, %v", key, err, failed)
				return
			}
			if was, ok := newest[key]; ok && after(was, e) {
				t.Errorf("%s went back from %s revision %d to %s revision %d", key, was.ID, was.Revision, e.ID, e.Revision)
			}
			newest[key] = e
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}

func TestAServerWithoutMemoryGetsTheEventOnceItHasSome(t *testing.T) {
	s := brokers.Redis(t, "--maxmemory-policy", "noeviction")
	p, c := open(t, at(s.Addr)), client(t, s.Addr)
	e, next := sinktest.Event("call", "alice", 1), sinktest.Event("call", "alice", 2)
	require.NoError(t, p.Publish(t.Context(), e))
	require.NoError(t, c.ConfigSet(t.Context(), "maxmemory", "1").Err())
	err := p.PublishBatch(t.Context(), []*sink.Event{next})
	require.ErrorIs(t, err, redis.ErrUnavailable)
	require.ErrorContains(t, err, "OOM")
	require.NoError(t, c.ConfigSet(t.Context(), "maxmemory", "0").Err())
	require.NoError(t, p.PublishBatch(t.Context(), []*sink.Event{e, next}))
	assert.Equal(t, []*sink.Event{e, next}, history(t, c, "call"))
}

// TestNoFinalIsLostWhileRedisComesAndGoes publishes all the time, repeats what
// fails as an outbox does, and stops, kills or freezes the server meanwhile.
// CHAOS_ROUNDS says how often (3), CHAOS_PAUSE for how long (300ms).
func TestNoFinalIsLostWhileRedisComesAndGoes(t *testing.T) {
	rounds, pause := 3, 300*time.Millisecond
	if set := os.Getenv("CHAOS_ROUNDS"); set != "" {
		var err error
		rounds, err = strconv.Atoi(set)
		require.NoError(t, err)
	}
	if set := os.Getenv("CHAOS_PAUSE"); set != "" {
		var err error
		pause, err = time.ParseDuration(set)
		require.NoError(t, err)
	}
	s := brokers.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	cfg := at(s.Addr)
	cfg.Timeout, cfg.HistoryLength = 250*time.Millisecond, 1_000_000
	p := open(t, cfg)

	const speakers = 8
	ended := make(chan struct{})
	published := make([][]*sink.Event, speakers)
	var running sync.WaitGroup
	for i := range speakers {
		who := "p" + strconv.Itoa(i)
		running.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-ended:
					return
				case <-time.After(5 * time.Millisecond):
				}
				e := sinktest.Event("call", who, n)
				for p.Publish(t.Context(), e) != nil {
					select {
					case <-t.Context().Done():
						return
					case <-time.After(20 * time.Millisecond):
					}
				}
				published[i] = append(published[i], e)
			}
		})
	}
	var worst time.Duration
	for round := range rounds {
		<-time.After(pause)
		back := s.Restart
		switch round % 3 {
		case 0:
			s.Kill()
		case 1:
			s.Stop()
		case 2:
			s.Pause()
			back = s.Resume
		}
		<-time.After(pause)
		back()
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		for p.Publish(ctx, sinktest.Event("recovery", "r", round)) != nil && ctx.Err() == nil {
			<-time.After(5 * time.Millisecond)
		}
		require.NoError(t, ctx.Err())
		cancel()
		worst = max(worst, time.Since(begun))
	}
	close(ended)
	running.Wait()

	c := client(t, s.Addr)
	got := map[string][]*sink.Event{}
	for _, e := range history(t, c, "call") {
		got[e.Participant] = append(got[e.Participant], e)
	}
	total := 0
	for i, events := range published {
		who := "p" + strconv.Itoa(i)
		total += len(events)
		assert.Equal(t, events, got[who], "each once, in order")
		assert.Equal(t, instant(events[len(events)-1]), c.HGet(t.Context(), "valence:{call}:participant:"+who, "window_end").Val())
	}
	t.Logf("%d rounds of %s, %d events, written again at most %s after the server was back", rounds, pause, total, worst.Round(time.Millisecond))
}

func instant(e *sink.Event) string { return e.Window.End.Format(time.RFC3339Nano) }
