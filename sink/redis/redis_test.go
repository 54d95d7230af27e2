package redis_test

import (
	"context"
	"net"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/outbox"
	"github.com/valence-live/valence/sink/redis"
	"github.com/valence-live/valence/sink/sinktest"
)

func TestAReaderFindsTheLatestScoreUnderTheNamesThatAreDocumented(t *testing.T) {
	m := miniredis.RunT(t)
	p, c := open(t, at(m.Addr())), client(t, m.Addr())
	alice, bob := sinktest.Event("call-17", "alice", 2), sinktest.Event("call-17", "bob", 1)
	alice.Score, alice.Polarity, alice.State = -0.5, "negative", features.Provisional
	alice.Revision = 0
	require.NoError(t, p.Publish(t.Context(), alice))
	require.NoError(t, p.Publish(t.Context(), bob))

	line, err := sink.Encode(alice)
	require.NoError(t, err)
	want := map[string]string{
		"score": "-0.5000", "polarity": "negative", "low": "-0.1000", "high": "0.8600", "rolling": "0.2200",
		"window_start": "2026-03-02T09:29:54Z", "window_end": "2026-03-02T09:30:02Z", "state": "provisional", "revision": "0",
		"event": string(line),
	}
	latest := c.HGetAll(t.Context(), "valence:{call-17}:participant:alice").Val()
	assert.Equal(t, want, documented(latest))
	want["rolling"], want["participant"] = "0.1000", "alice"
	assert.Equal(t, want, documented(c.HGetAll(t.Context(), "valence:{call-17}").Val()), "of the call, it is the newest of all")

	assert.Equal(t, []string{"call-17"}, c.ZRange(t.Context(), "valence:sessions", 0, -1).Val())
	assert.ElementsMatch(t, []string{"alice", "bob"}, c.ZRange(t.Context(), "valence:{call-17}:participants", 0, -1).Val())
	assert.Equal(t, []*sink.Event{alice, bob}, history(t, c, "call-17"))
	now := c.ZScore(t.Context(), "valence:sessions", "call-17").Val()
	assert.WithinDuration(t, time.Now(), time.UnixMilli(int64(now)), time.Minute)
}

// documented leaves out what the script keeps for itself.
func documented(hash map[string]string) map[string]string {
	delete(hash, "order")
	delete(hash, "touched")
	return hash
}

func TestANewerScoreIsNeverPutBackWhateverTheOrderOfArrival(t *testing.T) {
	m := miniredis.RunT(t)
	c := client(t, m.Addr())
	newest := sinktest.Event("call", "alice", 9)
	newest.Revision, newest.State = 2, features.Corrected
	final, older, utterance := sinktest.Event("call", "alice", 9), sinktest.Event("call", "alice", 8), sinktest.Event("call", "alice", 9)
	older.Revision = 7
	utterance.ID, utterance.Window.Kind, utterance.Revision = "call/alice/utterance/z", features.Utterance, 0
	utterance.Window.End = utterance.Window.End.Add(-time.Nanosecond)
	events := []*sink.Event{newest, final, older, utterance}
	for range len(events) {
		events = append(events[1:], events[0])
		m.FlushAll()
		p := open(t, at(m.Addr()))
		for _, e := range events {
			require.NoError(t, p.Publish(t.Context(), e))
		}
		for _, key := range []string{"valence:{call}:participant:alice", "valence:{call}"} {
			assert.Equal(t, "2", c.HGet(t.Context(), key, "revision").Val())
			assert.Equal(t, "corrected", c.HGet(t.Context(), key, "state").Val())
		}
		assert.Len(t, history(t, c, "call"), len(events), "the history has all of them")
	}
}

func TestARepeatChangesNothing(t *testing.T) {
	m := miniredis.RunT(t)
	p, c := open(t, at(m.Addr())), client(t, m.Addr())
	nudges := c.Subscribe(t.Context(), "valence:{call}:live")
	defer func() { require.NoError(t, nudges.Close()) }()
	_, err := nudges.Receive(t.Context())
	require.NoError(t, err)

	e, next := sinktest.Event("call", "alice", 1), sinktest.Event("call", "alice", 2)
	for range 3 {
		require.NoError(t, p.Publish(t.Context(), e))
	}
	changed := sinktest.Event("call", "alice", 1)
	changed.Score = -1
	require.NoError(t, p.Publish(t.Context(), changed))
	require.NoError(t, p.Publish(t.Context(), next))
	assert.Equal(t, []*sink.Event{e, next}, history(t, c, "call"))
	for _, want := range []*sink.Event{e, next} {
		nudge, err := nudges.ReceiveMessage(t.Context())
		require.NoError(t, err)
		got, err := sink.Decode([]byte(nudge.Payload))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestEveryKeyExpires(t *testing.T) {
	m := miniredis.RunT(t)
	cfg := at(m.Addr())
	cfg.TTL, cfg.HistoryAge = 40*time.Second, 20*time.Second
	p := open(t, cfg)
	for i := range 5 {
		require.NoError(t, p.Publish(t.Context(), sinktest.Event("call", "alice", i)))
		require.NoError(t, p.Publish(t.Context(), sinktest.Event("call", "bob", i)))
	}
	keys := m.Keys()
	assert.Len(t, keys, 8)
	for _, key := range keys {
		assert.Positive(t, m.TTL(key), key)
		assert.LessOrEqual(t, m.TTL(key), cfg.TTL, key)
	}
	m.FastForward(21 * time.Second)
	assert.NotContains(t, m.Keys(), "valence:{call}:events")
	assert.Contains(t, m.Keys(), "valence:{call}")
	assert.Contains(t, m.Keys(), "valence:{call}:participants", "who has a score is listed")
	m.FastForward(20 * time.Second)
	assert.Empty(t, m.Keys())
}

func TestARepeatAfterTheScoreExpiredLeavesNothingThatDoesNot(t *testing.T) {
	m := miniredis.RunT(t)
	cfg := at(m.Addr())
	cfg.TTL, cfg.HistoryAge = 20*time.Second, 40*time.Second
	p := open(t, cfg)
	for range 2 {
		require.NoError(t, p.Publish(t.Context(), sinktest.Event("call", "alice", 1)))
		for _, key := range m.Keys() {
			assert.Positive(t, m.TTL(key), key)
		}
		m.FastForward(21 * time.Second)
		assert.NotContains(t, m.Keys(), "valence:{call}")
	}
}

func TestWhatHasBeenQuietForTooLongLeavesTheIndex(t *testing.T) {
	m := miniredis.RunT(t)
	p, c := open(t, at(m.Addr())), client(t, m.Addr())
	ago := func(d time.Duration) float64 { return float64(time.Now().Add(-d).UnixMilli()) }
	for _, key := range []string{"valence:sessions", "valence:{call}:participants"} {
		require.NoError(t, c.ZAdd(t.Context(), key, goredis.Z{Score: ago(2 * time.Hour), Member: "old"}, goredis.Z{Score: ago(time.Minute), Member: "young"}).Err())
	}
	require.NoError(t, p.Publish(t.Context(), sinktest.Event("call", "alice", 1)))
	assert.Equal(t, []string{"young", "call"}, c.ZRange(t.Context(), "valence:sessions", 0, -1).Val())
	assert.Equal(t, []string{"young", "alice"}, c.ZRange(t.Context(), "valence:{call}:participants", 0, -1).Val())
}

func TestTheHistoryIsCappedByAge(t *testing.T) {
	m := miniredis.RunT(t)
	p, c := open(t, at(m.Addr())), client(t, m.Addr())
	old := strconv.FormatInt(time.Now().Add(-2*time.Hour).UnixMilli(), 10)
	require.NoError(t, c.XAdd(t.Context(), &goredis.XAddArgs{Stream: "valence:{call}:events", ID: old + "-0", Values: []string{"event", "{}"}}).Err())
	require.NoError(t, c.ZAdd(t.Context(), "valence:{call}:seen:alice", goredis.Z{Score: 1, Member: "sliding/1:0"}).Err())
	e := sinktest.Event("call", "alice", 1)
	require.NoError(t, p.Publish(t.Context(), e))
	assert.Equal(t, []*sink.Event{e}, history(t, c, "call"))
	assert.Equal(t, int64(1), c.ZCard(t.Context(), "valence:{call}:seen:alice").Val())
}

func TestAServerThatForgotTheScriptLearnsItAgain(t *testing.T) {
	m := miniredis.RunT(t)
	p, c := open(t, at(m.Addr())), client(t, m.Addr())
	var want []*sink.Event
	for i := range 4 {
		e, batch := sinktest.Event("call", "alice", 2*i), sinktest.Event("call", "alice", 2*i+1)
		require.NoError(t, c.ScriptFlush(t.Context()).Err())
		require.NoError(t, p.Publish(t.Context(), e))
		require.NoError(t, c.ScriptFlush(t.Context()).Err())
		require.NoError(t, p.PublishBatch(t.Context(), []*sink.Event{e, batch}))
		want = append(want, e, batch)
	}
	assert.Equal(t, want, history(t, c, "call"))
}

func TestABatchIsWrittenInItsOrderHoweverLarge(t *testing.T) {
	m := miniredis.RunT(t)
	p, c := open(t, at(m.Addr())), client(t, m.Addr())
	var events []*sink.Event
	for i := range 250 {
		events = append(events, sinktest.Event("call", "alice", i))
	}
	bad := sinktest.Event("call", "alice", 1)
	bad.Window.End = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	require.NoError(t, p.PublishBatch(t.Context(), nil))
	require.Error(t, p.PublishBatch(t.Context(), append([]*sink.Event{bad}, events...)))
	assert.Equal(t, events, history(t, c, "call"), "what cannot be encoded keeps no other")
}

func TestEventsThatComeAtTheSameTimeTravelTogether(t *testing.T) {
	reader := metric.NewManualReader()
	set := telemetry.Nop()
	set.Meter = metric.NewMeterProvider(metric.WithReader(reader))
	answer := make(chan struct{})
	p, err := redis.New(at(slow(t, miniredis.RunT(t).Addr(), answer)), set)
	require.NoError(t, err)
	const callers = 50
	failed := make(chan error, callers)
	for i := range callers {
		go func() { failed <- p.Publish(t.Context(), sinktest.Event("call", strconv.Itoa(i), 1)) }()
	}
	close(answer)
	for range callers {
		require.NoError(t, <-failed)
	}
	require.NoError(t, p.Close())

	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &all))
	for _, m := range all.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Histogram[int64]:
			assert.Equal(t, int64(callers), data.DataPoints[0].Sum)
			assert.Less(t, data.DataPoints[0].Count, uint64(callers))
		case metricdata.Sum[int64]:
			assert.Equal(t, int64(callers), data.DataPoints[0].Value)
		}
	}
}

// slow returns an address that leads to the server, once it may.
func slow(t *testing.T, addr string, may <-chan struct{}) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = near.Close() }()
				<-may
				far, err := (&net.Dialer{}).DialContext(context.WithoutCancel(t.Context()), "tcp", addr)
				if err != nil {
					return
				}
				defer func() { _ = far.Close() }()
				go copyTo(far, near)
				copyTo(near, far)
			}()
		}
	}()
	return l.Addr().String()
}

func copyTo(to, from net.Conn) {
	defer func() { _ = to.Close() }()
	block := make([]byte, 32<<10)
	for {
		n, err := from.Read(block)
		if _, failed := to.Write(block[:n]); err != nil || failed != nil {
			return
		}
	}
}

func TestAServerThatDoesNotAnswerHoldsNobodyLongerThanAgreed(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	cfg := at(slow(t, "127.0.0.1:1", never))
	cfg.Timeout = 300 * time.Millisecond
	p := open(t, cfg)

	begun := time.Now()
	err := p.Publish(t.Context(), sinktest.Event("call", "alice", 1))
	require.ErrorIs(t, err, redis.ErrUnavailable)
	assert.Less(t, time.Since(begun), 3*time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() { failed <- p.Publish(ctx, sinktest.Event("call", "alice", 1)) }()
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
}

func TestARedisThatIsAwayIsAnErrorOfTheEventAndNotOfTheStart(t *testing.T) {
	m := miniredis.RunT(t)
	cfg := at(m.Addr())
	m.Close()
	cfg.Timeout = 200 * time.Millisecond
	p := open(t, cfg)
	e := sinktest.Event("call", "alice", 1)
	require.ErrorIs(t, p.Publish(t.Context(), e), redis.ErrUnavailable)
	require.NoError(t, m.Restart())
	require.NoError(t, p.Publish(t.Context(), e))
	assert.Equal(t, []*sink.Event{e}, history(t, client(t, m.Addr()), "call"))
}

func TestNothingIsLeftOfAParticipantWhoIsErased(t *testing.T) {
	m := miniredis.RunT(t)
	p, c := open(t, at(m.Addr())), client(t, m.Addr())
	var bobs []*sink.Event
	for i := range 300 {
		require.NoError(t, p.PublishBatch(t.Context(), []*sink.Event{sinktest.Event("call", "bob", i), sinktest.Event("call", "alice", i)}))
		bobs = append(bobs, sinktest.Event("call", "bob", i))
	}
	alone := sinktest.Event("other", "alice", 1)
	require.NoError(t, p.Publish(t.Context(), alone))

	require.NoError(t, p.Erase(t.Context(), "call", "alice"))
	assert.Equal(t, bobs, history(t, c, "call"))
	assert.NotContains(t, m.Dump(), "call/alice/")
	assert.Equal(t, []string{"bob"}, c.ZRange(t.Context(), "valence:{call}:participants", 0, -1).Val())
	assert.Equal(t, []*sink.Event{alone}, history(t, c, "other"), "another call is another matter")
	require.NoError(t, p.Publish(t.Context(), sinktest.Event("call", "bob", 300)))
	assert.Equal(t, "bob", c.HGet(t.Context(), "valence:{call}", "participant").Val())

	require.NoError(t, p.Erase(t.Context(), "call", "nobody"))
	require.NoError(t, p.Erase(t.Context(), "call", "bob"))
	assert.False(t, slices.ContainsFunc(m.Keys(), func(k string) bool { return len(k) > 14 && k[:14] == "valence:{call}" }), "%v", m.Keys())
	assert.Equal(t, []string{"other"}, c.ZRange(t.Context(), "valence:sessions", 0, -1).Val())
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Erase(t.Context(), "call", "bob"), sink.ErrClosed)
	var _ sink.Eraser = p
}

func TestTheScoreOfACallThatComesBackAfterAnErasureExpires(t *testing.T) {
	m := miniredis.RunT(t)
	p := open(t, at(m.Addr()))
	require.NoError(t, p.PublishBatch(t.Context(), []*sink.Event{sinktest.Event("call", "bob", 1), sinktest.Event("call", "alice", 2)}))
	require.NoError(t, p.Erase(t.Context(), "call", "alice"))
	assert.NotContains(t, m.Keys(), "valence:{call}")
	require.NoError(t, p.Publish(t.Context(), sinktest.Event("call", "bob", 2)))
	assert.Positive(t, m.TTL("valence:{call}"))
}

func TestIDsThatLookLikePartsOfKeysAreKeptApart(t *testing.T) {
	m := miniredis.RunT(t)
	p, c := open(t, at(m.Addr())), client(t, m.Addr())
	first, second := sinktest.Event("a}:participant:b", "x", 1), sinktest.Event("a", "b}", 1)
	bare := sinktest.Event("}", "x", 1)
	require.NoError(t, p.PublishBatch(t.Context(), []*sink.Event{first, second, bare}))
	for key, id := range map[string]string{
		"valence:{a/:participant:b}":               first.ID,
		"valence:{a}:participant:b}":               second.ID,
		"valence:{/}":                              bare.ID,
		"valence:{/}:participant:x":                bare.ID,
		"valence:{a/:participant:b}:participant:x": first.ID,
	} {
		e, err := sink.Decode([]byte(c.HGet(t.Context(), key, "event").Val()))
		require.NoError(t, err, key)
		assert.Equal(t, id, e.ID, key)
	}
}

func TestNoEventIsWrittenWhileTheOneBeforeItIsNot(t *testing.T) {
	c := client(t, miniredis.RunT(t).Addr())
	script, err := os.ReadFile("publish.lua")
	require.NoError(t, err)
	keys := []string{"p", "s", "stream", "participants", "seen"}
	write := func(mark, before string) error {
		args := []any{mark, before, mark, "{}", "live", "10", "10000", "10000", "alice", "0", "", "0", "0", "0", "", "", "final", "1", "0"}
		return c.Eval(t.Context(), string(script), keys, args...).Err()
	}
	require.ErrorContains(t, write("2", "1"), "an earlier event")
	assert.Zero(t, c.Exists(t.Context(), keys...).Val())
	require.NoError(t, write("1", ""))
	require.NoError(t, write("2", "1"))
}

func TestABatchSaysWhichOfItsEventsFailed(t *testing.T) {
	m := miniredis.RunT(t)
	p := open(t, at(m.Addr()))
	bad := sinktest.Event("call", "alice", 1)
	bad.Window.End = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	var failed *outbox.BatchError
	require.ErrorAs(t, p.PublishBatch(t.Context(), []*sink.Event{bad, sinktest.Event("call", "alice", 2)}), &failed)
	require.Error(t, failed.Errs[0])
	require.NoError(t, failed.Errs[1])

	// The keys of the second call are of another kind.
	require.NoError(t, m.Set("valence:{odd}:seen:alice", "x"))
	var many []*sink.Event
	for i := range 150 {
		many = append(many, sinktest.Event("call", "bob", i))
	}
	many[50] = sinktest.Event("odd", "alice", 1)
	require.ErrorAs(t, p.PublishBatch(t.Context(), many), &failed)
	require.ErrorIs(t, failed.Errs[50], redis.ErrUnavailable)
	require.ErrorIs(t, failed.Errs[149], redis.ErrUnavailable, "what would come after it is not tried")
	require.NoError(t, failed.Errs[99])
	m.Del("valence:{odd}:seen:alice")
	require.NoError(t, p.PublishBatch(t.Context(), many))
	assert.Len(t, history(t, client(t, m.Addr()), "call"), 150)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorAs(t, p.PublishBatch(ctx, many[:2]), &failed)
	require.ErrorIs(t, failed, context.Canceled)
	var _ outbox.Batcher = p
}
