//go:build servers

package kafka

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/valence-live/valence/internal/brokers"
	"github.com/valence-live/valence/internal/kafkasecure"
)

// writer puts a record into every partition of both topics again and again
// until it is stopped, and remembers which were written for certain.
type writer struct {
	stop    func()
	mu      sync.Mutex
	written map[string]bool
}

// pass lets time pass on a real broker's clock.
func pass(d time.Duration) { <-time.After(d) }

func write(t *testing.T, cfg Config) *writer {
	t.Helper()
	w := &writer{written: map[string]bool{}}
	client := asker(t, cfg)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var all sync.WaitGroup
	for p := range cfg.Partitions {
		for _, topic := range cfg.Topics {
			all.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					value := fmt.Sprintf("%s-%d-%d", topic, p, i)
					for ctx.Err() == nil && client.produce(ctx, topic, p, []message{{key: []byte("call"), value: []byte(value), time: time.Now()}}) != nil {
						pass(50 * time.Millisecond)
					}
					if ctx.Err() == nil {
						w.mu.Lock()
						w.written[value] = true
						w.mu.Unlock()
					}
					pass(10 * time.Millisecond)
				}
			})
		}
	}
	w.stop = func() { cancel(); all.Wait() }
	t.Cleanup(w.stop)
	return w
}

// everything checks that no record that was written was missed, and returns
// how many were handled more than once.
func (w *writer) everything(t *testing.T, l *ledger) (again int) {
	t.Helper()
	w.stop()
	require.Eventually(t, func() bool {
		seen := l.values()
		for v := range w.written {
			if seen[v] == 0 {
				return false
			}
		}
		return true
	}, soon, 100*time.Millisecond, "every record that was written is handled")
	for _, n := range l.values() {
		again += n - 1
	}
	t.Logf("%d records written, %d handled again", len(w.written), again)
	return again
}

func TestAMemberThatJoinsAndOneThatLeavesLoseNothing(t *testing.T) {
	cfg := quick(brokers.Kafka(t).Addr)
	l := newLedger()
	one := run(t, cfg, l.as("one"))
	one.joined(t, 4)
	w := write(t, cfg)
	require.Eventually(t, func() bool { return l.count() > 200 }, soon, 10*time.Millisecond)

	began := time.Now()
	two := run(t, cfg, l.as("two"))
	two.joined(t, 2)
	one.joined(t, 2)
	t.Logf("the second member had its partitions after %s", time.Since(began).Round(time.Millisecond))
	for p := range 4 {
		opened, _ := l.times(p)
		assert.LessOrEqual(t, opened, 2, "a lane that stays is not opened again")
	}
	before := l.count()
	require.Eventually(t, func() bool { return l.count() > before+200 }, soon, 10*time.Millisecond)
	two.stop()
	one.joined(t, 4)
	assert.Zero(t, w.everything(t, l), "an orderly hand-over repeats nothing")
}

func TestABrokerThatIsAwayIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name    string
		trouble func(*brokers.Server)
		away    time.Duration
	}{
		{"stopped for 5 s", func(s *brokers.Server) { s.Stop() }, 5 * time.Second},
		{"killed for a moment", func(s *brokers.Server) { s.Kill() }, 0},
		{"frozen for 20 s", func(s *brokers.Server) { s.Pause() }, 20 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := brokers.Kafka(t)
			cfg := quick(server.Addr)
			l := newLedger()
			one, two := run(t, cfg, l.as("one")), run(t, cfg, l.as("two"))
			one.joined(t, 2)
			two.joined(t, 2)
			w := write(t, cfg)
			require.Eventually(t, func() bool { return l.count() > 200 }, soon, 10*time.Millisecond)
			c.trouble(server)
			pass(c.away)
			if strings.HasPrefix(c.name, "frozen") {
				server.Resume()
			} else {
				server.Restart()
			}
			back, before := time.Now(), l.count()
			require.Eventually(t, func() bool { return l.count() > before+200 }, soon, 10*time.Millisecond)
			t.Logf("200 more records were handled %s after the broker was back", time.Since(back).Round(time.Millisecond))
			w.everything(t, l)
			require.Eventually(t, func() bool { return one.Ready() == nil && two.Ready() == nil }, soon, 10*time.Millisecond)
		})
	}
}

// TestChild is no test: it is the member that others kill.
func TestChild(t *testing.T) {
	addr, name := os.Getenv("VALENCE_TEST_KAFKA"), os.Getenv("VALENCE_TEST_FILE")
	if addr == "" {
		t.Skip("started by other tests")
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(t, err)
	l := newLedger()
	l.handle = func(_ context.Context, r Record) error {
		_, err := file.WriteString(string(r.Value) + "\n")
		return err
	}
	c := run(t, quick(addr), l.as("child"))
	assert.NoError(t, <-c.done)
}

// child is a member in a process of its own, and what it has handled.
type child struct {
	*exec.Cmd
	file string
}

func newChild(t *testing.T, addr string) *child {
	t.Helper()
	c := &child{exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$"), t.TempDir() + "/child"}
	c.Env = append(os.Environ(), "VALENCE_TEST_KAFKA="+addr, "VALENCE_TEST_FILE="+c.file)
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return c
}

func (c *child) values() []string {
	text, _ := os.ReadFile(c.file)
	return strings.Fields(string(text))
}

// into adds what the child has handled to the ledger.
func (c *child) into(l *ledger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range c.values() {
		l.records = append(l.records, Record{Value: []byte(v)})
	}
}

// shared has a member of this process and one of another share the partitions,
// both at work.
func shared(t *testing.T, cfg Config, l *ledger) (*running, *child, *writer) {
	t.Helper()
	one := run(t, cfg, l.as("one"))
	one.joined(t, 4)
	w := write(t, cfg)
	other := newChild(t, cfg.Brokers[0])
	one.joined(t, 2)
	require.Eventually(t, func() bool { return len(other.values()) > 200 }, soon, 10*time.Millisecond)
	return one, other, w
}

func TestThePartitionsOfAKilledMemberMove(t *testing.T) {
	cfg := quick(brokers.Kafka(t).Addr)
	l := newLedger()
	one, child, w := shared(t, cfg, l)
	require.NoError(t, child.Process.Kill())
	killed := time.Now()
	one.joined(t, 4)
	t.Logf("the partitions of a killed member were back after %s (session timeout %s)", time.Since(killed).Round(time.Millisecond), cfg.SessionTimeout)

	child.into(l)
	w.everything(t, l)
}

func TestAFrozenMemberComesBackAndNothingIsLost(t *testing.T) {
	cfg := quick(brokers.Kafka(t).Addr)
	l := newLedger()
	one, child, w := shared(t, cfg, l)
	require.NoError(t, child.Process.Signal(syscall.SIGSTOP))
	one.joined(t, 4)
	before := len(child.values())
	pass(2 * time.Second)
	require.NoError(t, child.Process.Signal(syscall.SIGCONT))
	one.joined(t, 2)
	require.Eventually(t, func() bool { return len(child.values()) > before+200 }, soon, 10*time.Millisecond)
	w.stop()
	require.Eventually(t, func() bool {
		all := newLedger()
		all.records = l.all()
		child.into(all)
		seen := all.values()
		for v := range w.written {
			if seen[v] == 0 {
				return false
			}
		}
		t.Logf("%d records written, %d handled", len(w.written), len(all.records))
		return true
	}, soon, 100*time.Millisecond)
}

func TestTopicsAreMergedByTheBrokersTime(t *testing.T) {
	cfg := quick(brokers.Kafka(t).Addr)
	cfg.Partitions = 1
	l := newLedger()
	c := run(t, cfg, l.as("live"))
	c.joined(t, 1)
	w := asker(t, cfg)
	var slowest time.Duration
	for i := range 100 { // the producer's clock runs backwards
		topic := []string{"a", "b"}[(i*i/3)%2]
		w.put(t, topic, 0, message{value: []byte{byte(i)}, time: time.UnixMilli(int64(1_700_000_000_000 - i))})
		written := time.Now()
		pass(2 * time.Millisecond)
		if i%10 == 0 {
			require.Eventually(t, func() bool { return l.count() == i+1 }, soon, time.Millisecond)
			slowest = max(slowest, time.Since(written))
		}
	}
	t.Logf("a record waited at most %s for the other topic", slowest.Round(time.Millisecond))
	require.Eventually(t, func() bool { return l.count() == 100 }, soon, 10*time.Millisecond)
	c.stop()
	for i, r := range l.all() {
		require.Equal(t, byte(i), r.Value[0], "the order in which they were written")
		require.WithinDuration(t, time.Now(), r.Time, time.Minute)
	}
	cfg.Group = "again"
	again := newLedger()
	run(t, cfg, again.as("backlog"))
	require.Eventually(t, func() bool { return again.count() == 100 }, soon, 10*time.Millisecond)
	for i, r := range again.all() {
		require.Equal(t, byte(i), r.Value[0])
	}
}

func TestWhatAFailedTransactionWroteIsNotHandled(t *testing.T) {
	cfg := quick(brokers.Kafka(t).Addr)
	cfg.Partitions = 1
	l := newLedger()
	run(t, cfg, l.as("one")).joined(t, 1)
	producer, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.TransactionalID("t"), kgo.DefaultProduceTopic("a"))
	require.NoError(t, err)
	defer producer.Close()
	for i, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryAbort, kgo.TryCommit} {
		require.NoError(t, producer.BeginTransaction())
		require.NoError(t, producer.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprintf("%d-%t", i, bool(commit)))).FirstErr())
		require.NoError(t, producer.EndTransaction(t.Context(), commit))
	}
	asker(t, cfg).put(t, "a", 0, message{value: []byte("plain")})
	require.Eventually(t, func() bool { return l.count() == 3 }, soon, 10*time.Millisecond)
	assert.Equal(t, map[string]int{"0-true": 1, "3-true": 1, "plain": 1}, l.values())
}

func TestTheStateIsReadWholeWhenItWasCompacted(t *testing.T) {
	server := brokers.Kafka(t)
	cfg := quick(server.Addr)
	cfg.Partitions = 1
	w := asker(t, cfg)
	entry := func(name, value string) kafkago.ConfigEntry {
		return kafkago.ConfigEntry{ConfigName: name, ConfigValue: value}
	}
	_, err := w.api.CreateTopics(t.Context(), &kafkago.CreateTopicsRequest{Topics: []kafkago.TopicConfig{{
		Topic: cfg.State, NumPartitions: 1, ReplicationFactor: 1,
		ConfigEntries: []kafkago.ConfigEntry{entry("cleanup.policy", "compact"), entry("min.cleanable.dirty.ratio", "0.001"), entry("segment.ms", "200"), entry("delete.retention.ms", "0")},
	}}})
	require.NoError(t, err)
	for i := range 200 {
		m := message{key: []byte(fmt.Sprint("k", i%7)), value: []byte(strconv.Itoa(i)), time: time.Now()}
		if i%7 == 3 && i > 100 {
			m.value = nil
		}
		w.put(t, cfg.State, 0, m)
		pass(5 * time.Millisecond)
	}
	require.Eventually(t, func() bool {
		w.put(t, cfg.State, 0, message{key: []byte("last"), value: []byte("x"), time: time.Now()}) // closes the segment before
		return len(w.drain(t, cfg.State, 1)) < 100
	}, soon, 300*time.Millisecond, "the broker has compacted it")
	loaded := make(chan map[string][]byte, 1)
	l := newLedger()
	l.open = func(ctx context.Context, _ int, s State) error {
		got, err := s.Load(ctx)
		loaded <- got
		return err
	}
	run(t, cfg, l.as("one"))
	got := map[string]string{}
	for k, v := range <-loaded {
		got[k] = string(v)
	}
	assert.Equal(t, map[string]string{"k0": "196", "k1": "197", "k2": "198", "k4": "193", "k5": "194", "k6": "195", "last": "x"}, got)
}

func TestATopicThatIsMadeLaterIsWaitedFor(t *testing.T) {
	cfg := quick(brokers.Kafka(t).Addr)
	cfg.Create = false
	l := newLedger()
	c := run(t, cfg, l.as("one"))
	require.Eventually(t, func() bool {
		err := c.Ready()
		return err != nil && strings.Contains(err.Error(), "a, b, valence.state, valence.dead-letter is not there; create it with 4 partitions, or set ingest.kafka.create to true")
	}, soon, 10*time.Millisecond)
	w := asker(t, cfg)
	w.makeTopics(t, 4, cfg.everyTopic()...)
	began := time.Now()
	c.joined(t, 4)
	t.Logf("seen after %s", time.Since(began).Round(time.Millisecond))
	w.put(t, "b", 3, numbered("x", 0, 1)...)
	require.Eventually(t, func() bool { return l.count() == 1 }, soon, 10*time.Millisecond)
}

func TestPartitionsThatAreAddedLaterAreReadToo(t *testing.T) {
	cfg := quick(brokers.Kafka(t).Addr)
	cfg.State, cfg.DeadLetter = "", ""
	l := newLedger()
	c := run(t, cfg, l.as("one"))
	c.joined(t, 4)
	w := asker(t, cfg)
	_, err := w.api.CreatePartitions(t.Context(), &kafkago.CreatePartitionsRequest{Topics: []kafkago.TopicPartitionsConfig{{Name: "a", Count: 6}, {Name: "b", Count: 6}}})
	require.NoError(t, err)
	c.joined(t, 6)
	w.put(t, "a", 5, numbered("x", 0, 1)...)
	require.Eventually(t, func() bool { return l.count() == 1 }, soon, 10*time.Millisecond)
}

func TestABacklogIsWorkedOffAtFullSpeed(t *testing.T) {
	cfg := quick(brokers.Kafka(t).Addr)
	cfg.Partitions = 2
	w := asker(t, cfg)
	w.makeTopics(t, 2, cfg.everyTopic()...)
	const n = 100_000
	value := strings.Repeat("x", 300)
	for i := 0; i < n; i += 1000 {
		batch := make([]message, 1000)
		for k := range batch {
			batch[k] = message{key: []byte("call"), value: []byte(value), time: time.Now()}
		}
		w.put(t, "a", i/1000%2, batch...)
	}
	w.put(t, "b", 0, numbered("b", 0, 10)...)
	l := newLedger()
	began := time.Now()
	run(t, cfg, l.as("one"))
	var first time.Time
	require.Eventually(t, func() bool {
		if first.IsZero() && l.count() > 0 {
			first = time.Now()
		}
		return l.count() == n+10
	}, soon, time.Millisecond)
	t.Logf("%d records of 300 B in %s, %.0f/s from the first one on", n, time.Since(began).Round(time.Millisecond), n/time.Since(first).Seconds())
}

func TestAMemberProvesWhoItIsToARealBroker(t *testing.T) {
	cert := brokers.NewCertificate(t)
	server, guarded := brokers.SecureKafka(t, "ann", "hunter2", cert)
	open := quick(server.Addr)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			cfg := quick(guarded)
			cfg.Group += mechanism
			cfg.TLS = kafkasecure.TLS{Enabled: true, CA: cert.File}
			cfg.SASL = kafkasecure.SASL{Mechanism: mechanism, Username: "ann", Password: "hunter2"}
			l := newLedger()
			run(t, cfg, l.as("one")).joined(t, 4)
			asker(t, open).put(t, "a", 0, numbered(mechanism, 0, 1)...)
			require.Eventually(t, func() bool { return l.count() > 0 }, soon, 10*time.Millisecond)
		})
	}
}
