package kafka

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/telemetry"
)

// soon is how long tests wait for what happens over real sockets.
const soon = 2 * time.Minute

// ledger is a Handler that writes down what its lanes are told. It commits
// what it has handled.
type ledger struct {
	mu      sync.Mutex
	records []Record
	owner   map[int]string // who has a partition open
	opened  map[int]int
	closed  map[int]int
	handle  func(ctx context.Context, r Record) error
	open    func(ctx context.Context, partition int, state State) error
	check   func(ctx context.Context, partition int) error
}

func newLedger() *ledger {
	return &ledger{owner: map[int]string{}, opened: map[int]int{}, closed: map[int]int{}}
}

// times returns how often a partition was opened and closed.
func (l *ledger) times(partition int) (opened, closed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened[partition], l.closed[partition]
}

// as is the ledger for one member.
func (l *ledger) as(name string) Handler { return ledgerOf{l, name} }

type ledgerOf struct {
	*ledger
	name string
}

func (l ledgerOf) Open(ctx context.Context, partition int, state State) (Lane, error) {
	if l.open != nil {
		if err := l.open(ctx, partition, state); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened[partition]++
	return &ledgerLane{ledgerOf: l, partition: partition, next: map[string]int64{}}, nil
}

type ledgerLane struct {
	ledgerOf
	partition int
	next      map[string]int64
	ticks     int
}

func (l *ledgerLane) Handle(ctx context.Context, r Record) error {
	if l.handle != nil {
		if err := l.handle(ctx, r); err != nil {
			if errors.Is(err, ErrPoison) {
				l.next[r.Topic] = r.Offset + 1
			}
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Headers = append(slices.Clip(r.Headers), Header{Key: "handled-by", Value: []byte(l.name)})
	l.records = append(l.records, r)
	l.next[r.Topic] = r.Offset + 1
	return nil
}

func (l *ledgerLane) Tick(time.Time) error { l.ticks++; return nil }

func (l *ledgerLane) Checkpoint(ctx context.Context) (map[string]int64, error) {
	if l.check != nil {
		if err := l.check(ctx, l.partition); err != nil {
			return nil, err
		}
	}
	return maps.Clone(l.next), nil
}

func (l *ledgerLane) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed[l.partition]++
	return nil
}

func (l *ledger) all() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

// values counts how often each value was handled.
func (l *ledger) values() map[string]int {
	out := map[string]int{}
	for _, r := range l.all() {
		out[string(r.Value)]++
	}
	return out
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.records)
}

// quick are settings for tests.
func quick(addrs ...string) Config {
	c := Default()
	c.Brokers, c.Topics, c.Partitions = addrs, []string{"a", "b"}, 4
	c.SessionTimeout, c.RebalanceTimeout, c.Checkpoint = 3*time.Second, 5*time.Second, 200*time.Millisecond
	c.RequestTimeout = 2 * time.Second
	return c
}

// running is a consumer whose end the test sees to.
type running struct {
	*Consumer
	stop func() // ends it and waits
	done chan error
}

func run(t *testing.T, cfg Config, h Handler) *running {
	t.Helper()
	set := telemetry.Nop()
	set.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, err := New(cfg, h, set)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{Consumer: c, done: make(chan error, 1)}
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-r.done:
				require.NoError(t, err)
			case <-time.After(soon):
				t.Error("the consumer does not end")
			}
		})
	}
	go func() { r.done <- c.Run(ctx) }()
	t.Cleanup(r.stop)
	return r
}

func (r *running) joined(t *testing.T, partitions int) {
	t.Helper()
	require.Eventually(t, func() bool { return r.Ready() == nil && len(r.Partitions()) == partitions }, soon, 10*time.Millisecond)
}

// asker writes records for tests.
func asker(t *testing.T, cfg Config) *client {
	t.Helper()
	c, err := newClient(cfg)
	require.NoError(t, err)
	t.Cleanup(c.close)
	return c
}

// put writes to a partition, and tries again while the topic is new.
func (c *client) put(t *testing.T, topic string, partition int, messages ...message) {
	t.Helper()
	require.Eventually(t, func() bool {
		return c.produce(t.Context(), topic, partition, messages) == nil
	}, soon, 50*time.Millisecond)
}

func numbered(prefix string, from, n int) []message {
	out := make([]message, n)
	for i := range out {
		out[i] = message{key: []byte("call"), value: []byte(prefix + strconv.Itoa(from+i)), time: time.Now()}
	}
	return out
}

// makeTopics makes topics by hand.
func (c *client) makeTopics(t *testing.T, partitions int, topics ...string) {
	t.Helper()
	request := &kafkago.CreateTopicsRequest{}
	for _, topic := range topics {
		request.Topics = append(request.Topics, kafkago.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1})
	}
	require.Eventually(t, func() bool {
		answer, err := c.api.CreateTopics(t.Context(), request)
		if err != nil {
			return false
		}
		for _, err := range answer.Errors {
			if err != nil && !errors.Is(err, kafkago.TopicAlreadyExists) {
				return false
			}
		}
		return true
	}, soon, 100*time.Millisecond)
}

func quiet() telemetry.Settings { return telemetry.Nop() }
