package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// drain reads all of a topic.
func (c *client) drain(t *testing.T, topic string, partitions int) (out []Record) {
	t.Helper()
	for p := range partitions {
		first, last, err := c.bounds(t.Context(), topic, p)
		require.NoError(t, err)
		for first < last {
			f, err := c.fetch(t.Context(), topic, p, first, 1<<20, 0)
			require.NoError(t, err)
			entries, next, err := newDecoder(topic, p).decode(nil, f, first)
			require.NoError(t, err)
			for _, e := range entries {
				out = append(out, e.Record)
			}
			first = next
		}
	}
	return out
}

func TestAPoisonRecordGoesToTheDeadLetterTopicAndTheNextOneIsHandled(t *testing.T) {
	cluster := fake(t)
	cfg := quick(cluster.ListenAddrs()...)
	cfg.MaxMessage = 2000
	l := newLedger()
	l.handle = func(_ context.Context, r Record) error {
		if strings.HasPrefix(string(r.Value), "bad") {
			return fmt.Errorf("%w: no idea what %q is", ErrPoison, r.Value[:3])
		}
		return nil
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: cfg.DeadLetter, Err: kerr.NotEnoughReplicas, Count: 2})
	c := run(t, cfg, l.as("one"))
	c.joined(t, 4)
	w := asker(t, cfg)
	w.put(t, "a", 2, message{value: []byte("good1")},
		message{key: []byte("call"), value: []byte("bad\xff\x00"), headers: []Header{{"participant", []byte("ann")}}, time: time.UnixMilli(1_700_000_000_000)},
		message{value: []byte("bad" + strings.Repeat("x", 3000))}, message{value: []byte("good2")})
	require.Eventually(t, func() bool { return l.count() == 2 }, soon, 10*time.Millisecond)
	c.stop()

	letters := w.drain(t, cfg.DeadLetter, 4)
	require.Len(t, letters, 2)
	first := letters[0]
	assert.Equal(t, "call", string(first.Key))
	assert.Equal(t, "bad\xff\x00", string(first.Value), "the bytes are those of the record")
	for name, want := range map[string]string{
		"participant": "ann", HeaderReason: `poison record: no idea what "bad" is`, HeaderTopic: "a", HeaderPartition: "2", HeaderOffset: "1",
	} {
		assert.Equal(t, want, string(first.Header(name)), name)
	}
	assert.NotEmpty(t, first.Header(HeaderTime))
	assert.Nil(t, letters[1].Value)
	assert.Equal(t, "3003", string(letters[1].Header(HeaderCut)), "a value that no broker would take is left out, and that is said")

	again := newLedger()
	run(t, cfg, again.as("two")).joined(t, 4)
	w.put(t, "a", 2, message{value: []byte("good3")})
	require.Eventually(t, func() bool { return again.count() == 1 }, soon, 10*time.Millisecond)
	assert.Equal(t, 1, again.values()["good3"], "what was poison is behind us")
}

func TestNothingIsCommittedBeforeItsDeadLettersAreWritten(t *testing.T) {
	cluster := fake(t)
	cfg := quick(cluster.ListenAddrs()...)
	l := newLedger()
	l.handle = func(context.Context, Record) error { return ErrPoison }
	refusing := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: cfg.DeadLetter, Err: kerr.NotEnoughReplicas, Count: -1})
	c := run(t, cfg, l.as("one"))
	c.joined(t, 4)
	w := asker(t, cfg)
	w.put(t, "a", 0, message{value: []byte("bad")})
	require.NoError(t, refusing.Wait(t.Context(), 3))
	committed, err := c.member.committed(t.Context(), 0)
	require.NoError(t, err)
	assert.NotEqual(t, int64(1), committed["a"])
	refusing.Remove()
	require.Eventually(t, func() bool {
		committed, err := c.member.committed(t.Context(), 0)
		return err == nil && committed["a"] == 1
	}, soon, 10*time.Millisecond)
	assert.Len(t, w.drain(t, cfg.DeadLetter, 4), 1)
}

func TestWhatALaneSavesIsThereForTheNextOwner(t *testing.T) {
	cluster := fake(t)
	cfg := quick(cluster.ListenAddrs()...)
	cfg.Partitions = 1
	l := newLedger()
	var state State
	l.open = func(ctx context.Context, _ int, s State) error {
		state = s
		got, err := s.Load(ctx)
		if err == nil && len(got) > 0 {
			err = errors.New("there is something already")
		}
		return err
	}
	c := run(t, cfg, l.as("one"))
	c.joined(t, 1)
	require.Eventually(t, func() bool { opened, _ := l.times(0); return opened == 1 }, soon, time.Millisecond)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: cfg.State, Err: kerr.NotLeaderForPartition, Count: 2})
	big := strings.Repeat("b", 400_000)
	require.NoError(t, state.Save(t.Context(), map[string][]byte{"call/ann": []byte("1"), "call/bob": []byte(big), "call/eve": []byte(big), "call": {}}))
	require.NoError(t, state.Save(t.Context(), map[string][]byte{"call/ann": []byte("2"), "call/eve": nil}))
	c.stop()
	require.ErrorIs(t, state.Save(t.Context(), map[string][]byte{"call/ann": []byte("3")}), ErrLost, "the lane is closed")

	next := newLedger()
	loaded := make(chan map[string][]byte, 1)
	next.open = func(ctx context.Context, _ int, s State) error {
		got, err := s.Load(ctx)
		loaded <- got
		return err
	}
	run(t, cfg, next.as("two"))
	assert.Equal(t, map[string][]byte{"call/ann": []byte("2"), "call/bob": []byte(big), "call": {}}, <-loaded)
}

func TestAMemberThatIsNotHeardStopsOnItsOwnAccount(t *testing.T) {
	cluster := fake(t)
	cfg := quick(cluster.ListenAddrs()...)
	cfg.SessionTimeout, cfg.Partitions = time.Second, 1
	l := newLedger()
	states := make(chan State, 100)
	l.open = func(_ context.Context, _ int, s State) error { states <- s; return nil }
	blocked, ended := make(chan struct{}, 1), make(chan error, 1)
	l.handle = func(ctx context.Context, r Record) error {
		if string(r.Value) != "block0" {
			return nil
		}
		blocked <- struct{}{}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	}
	c := run(t, cfg, l.as("one"))
	c.joined(t, 1)
	state := <-states
	asker(t, cfg).put(t, "a", 0, numbered("block", 0, 1)...)
	<-blocked
	silent := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.CoordinatorNotAvailable, Count: -1})
	require.NoError(t, silent.Wait(t.Context(), 1))
	began := time.Now()
	require.ErrorIs(t, <-ended, ErrLost, "the handler's context ends")
	assert.Less(t, time.Since(began), 5*time.Second)
	require.ErrorIs(t, state.Save(t.Context(), map[string][]byte{"k": nil}), ErrLost)
	silent.Remove()
	<-blocked // the record is read again
	require.Eventually(t, func() bool { return c.Ready() == nil }, soon, 10*time.Millisecond)
}

func TestAMemberThatTheGroupGaveUpStartsAgainWithoutACheckpoint(t *testing.T) {
	cluster := fake(t)
	cfg := quick(cluster.ListenAddrs()...)
	cfg.Checkpoint = 10 * time.Minute
	l := newLedger()
	var checkpoints atomic.Int64
	l.check = func(context.Context, int) error { checkpoints.Add(1); return nil }
	c := run(t, cfg, l.as("one"))
	c.joined(t, 4)
	w := asker(t, cfg)
	w.put(t, "a", 1, numbered("x", 0, 3)...)
	require.Eventually(t, func() bool { return l.count() == 3 }, soon, 10*time.Millisecond)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID})
	require.Eventually(t, func() bool { return l.count() == 6 }, soon, 10*time.Millisecond, "what was not committed is read again")
	assert.Zero(t, checkpoints.Load())
}

func TestACommitThatIsRefusedIsNoMoreThanARepeat(t *testing.T) {
	cluster := fake(t)
	cfg := quick(cluster.ListenAddrs()...)
	cfg.Checkpoint = 10 * time.Minute
	l := newLedger()
	one := run(t, cfg, l.as("one"))
	one.joined(t, 4)
	w := asker(t, cfg)
	for p := range 4 {
		w.put(t, "a", p, numbered(fmt.Sprintf("p%d-", p), 0, 5)...)
	}
	require.Eventually(t, func() bool { return l.count() == 20 }, soon, 10*time.Millisecond)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Topic: "a", Err: kerr.RebalanceInProgress, Count: 4})
	two := run(t, cfg, l.as("two"))
	two.joined(t, 2)
	require.Eventually(t, func() bool { return l.count() == 40 && len(l.values()) == 20 }, soon, 10*time.Millisecond)
}

func TestALaneThatIsNotReadyInTimeIsDroppedAtARebalance(t *testing.T) {
	cluster := fake(t)
	cfg := quick(cluster.ListenAddrs()...)
	cfg.RebalanceTimeout = 2 * time.Second
	l := newLedger()
	blocked := make(chan struct{}, 1)
	l.handle = func(ctx context.Context, r Record) error {
		if string(r.Value) == "block0" && l.values()["block0"] == 0 {
			blocked <- struct{}{}
			<-ctx.Done()
			l.mu.Lock()
			l.records = append(l.records, r)
			l.mu.Unlock()
			return ctx.Err()
		}
		return nil
	}
	one := run(t, cfg, l.as("one"))
	one.joined(t, 4)
	asker(t, cfg).put(t, "a", 0, numbered("block", 0, 2)...)
	<-blocked
	two := run(t, cfg, l.as("two"))
	two.joined(t, 2)
	require.Eventually(t, func() bool { return l.values()["block1"] == 1 && l.values()["block0"] == 2 }, soon, 10*time.Millisecond)
}

func TestAHandlerThatBlocksStopsFetchingAndNotTheHeartbeats(t *testing.T) {
	cluster := fake(t)
	cfg := quick(cluster.ListenAddrs()...)
	cfg.SessionTimeout, cfg.Buffer, cfg.Partitions = time.Second, 10_000, 1
	cfg.Topics = []string{"a"}
	l := newLedger()
	release := make(chan struct{})
	l.handle = func(ctx context.Context, _ Record) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	c := run(t, cfg, l.as("one"))
	c.joined(t, 1)
	w := asker(t, cfg)
	for i := range 100 {
		w.put(t, "a", 0, message{value: make([]byte, 1000)}, message{value: []byte{byte(i)}})
	}
	beats := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Observe: true, Count: -1})
	require.NoError(t, beats.Wait(t.Context(), 12), "two session timeouts")
	c.mu.Lock()
	lane := c.lanes[0]
	c.mu.Unlock()
	lane.mu.Lock()
	assert.LessOrEqual(t, lane.merge.streams[0].bytes, 2*cfg.Buffer+2000)
	lane.mu.Unlock()
	require.NoError(t, c.Ready())
	close(release)
	require.Eventually(t, func() bool { return l.count() == 200 }, soon, 10*time.Millisecond)
	again, _ := l.times(0)
	assert.Equal(t, 1, again)
}

func TestAnErrorOfALaneEndsTheConsumerAndNamesTheRecord(t *testing.T) {
	cluster := fake(t)
	cfg := quick(cluster.ListenAddrs()...)
	broken := errors.New("the model is broken")
	for _, c := range []struct {
		want string
		set  func(*ledger)
	}{
		{"partition 1: record 0 of a: the model is broken", func(l *ledger) { l.handle = func(context.Context, Record) error { return broken } }},
		{"open the lane: the model is broken", func(l *ledger) { l.open = func(context.Context, int, State) error { return broken } }},
		{"checkpoint: the model is broken", func(l *ledger) { l.check = func(context.Context, int) error { return broken } }},
	} {
		l := newLedger()
		c.set(l)
		consumer, err := New(cfg, l.as("one"), quiet())
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- consumer.Run(context.WithoutCancel(t.Context())) }()
		asker(t, cfg).put(t, "a", 1, message{value: []byte("x")})
		select {
		case err := <-done:
			require.ErrorIs(t, err, broken)
			require.ErrorContains(t, err, c.want)
		case <-time.After(soon):
			t.Fatal("it goes on")
		}
	}
}

func TestNothingIsSavedAfterTheLease(t *testing.T) {
	cfg := quick(fake(t, kfake.SeedTopics(4, "valence.state")).ListenAddrs()...)
	c, err := New(cfg, newLedger().as("one"), quiet())
	require.NoError(t, err)
	defer c.client.close()
	state := snapshots{&lane{c: c, ctx: t.Context()}}
	c.lease.renew(time.Now())
	require.NoError(t, state.Save(t.Context(), map[string][]byte{"k": {1}}))
	c.lease.renew(time.Now().Add(-cfg.SessionTimeout)) // as after the process was frozen
	require.ErrorIs(t, state.Save(t.Context(), map[string][]byte{"k": {2}}), ErrLost)
}

func TestALaneGoesOnOnlyIfNobodyElseCanHaveHadItsPartition(t *testing.T) {
	cfg := quick(fake(t, kfake.SeedTopics(1, "a", "b", "valence.state")).ListenAddrs()...)
	l := newLedger()
	set := quiet()
	set.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	c, err := New(cfg, l.as("one"), set)
	require.NoError(t, err)
	defer c.client.close()
	defer c.dropAll()
	c.cfg.SessionTimeout = time.Hour
	c.lease.session = time.Hour
	c.lease.renew(time.Now())
	c.member.generation = -1 // commits without members make a group
	require.Eventually(t, func() bool { return c.member.commit(t.Context(), 0, map[string]int64{"a": 0}) == nil }, soon, 10*time.Millisecond)
	opened := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { opened, _ := l.times(0); return opened == n }, soon, time.Millisecond)
	}
	c.arrange(t.Context(), assignment{partitions: []int{0}})
	opened(1)
	c.pauseAll(t.Context())
	c.arrange(t.Context(), assignment{partitions: []int{0}, continuous: true})
	asker(t, cfg).put(t, "a", 0, numbered("x", 0, 1)...)
	require.Eventually(t, func() bool { return l.count() == 1 }, soon, time.Millisecond, "it goes on")
	opened(1)
	c.pauseAll(t.Context())
	c.arrange(t.Context(), assignment{partitions: []int{0}, continuous: false})
	opened(2)
	c.pauseAll(t.Context())
	c.arrange(t.Context(), assignment{continuous: true})
	assert.Empty(t, c.Partitions())
	_, closed := l.times(0)
	assert.Equal(t, 2, closed)
}
