package kafka

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestTopicsThatDoNotFitTogetherAreRefused(t *testing.T) {
	cfg := quick(fake(t, kfake.SeedTopics(12, "a"), kfake.SeedTopics(6, "b")).ListenAddrs()...)
	c, err := New(cfg, newLedger().as("one"), quiet())
	require.NoError(t, err)
	err = c.Run(t.Context())
	require.ErrorIs(t, err, ErrTopics)
	assert.ErrorContains(t, err, "a has 12 partitions and b 6; a call must meet in one partition: give both the same number")
}

func TestTopicsAreMadeWithThePartitionsOfThoseThatAreThere(t *testing.T) {
	cluster := fake(t, kfake.SeedTopics(3, "b"))
	cfg := quick(cluster.ListenAddrs()...)
	run(t, cfg, newLedger().as("one")).joined(t, 3)
	assert.Equal(t, "LogAppendTime", *cluster.TopicInfo("a").Configs["message.timestamp.type"])
	assert.Equal(t, "86400000", *cluster.TopicInfo("a").Configs["retention.ms"])
	assert.Equal(t, "compact", *cluster.TopicInfo(cfg.State).Configs["cleanup.policy"])
}

func TestABrokerThatRefusesToMakeTopicsIsAskedAgain(t *testing.T) {
	cluster := fake(t)
	cfg := quick(cluster.ListenAddrs()...)
	refusing := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "a", Err: kerr.PolicyViolation, Count: -1})
	c := run(t, cfg, newLedger().as("one"))
	require.Eventually(t, func() bool {
		err := c.Ready()
		return err != nil && strings.Contains(err.Error(), "create it with 4 partitions: the broker refuses")
	}, soon, 10*time.Millisecond)
	refusing.Remove()
	c.joined(t, 4)
}

func TestReadingBeginsAtTheEndWhereThatIsWanted(t *testing.T) {
	cluster := fake(t, kfake.SeedTopics(1, "a"))
	cfg := quick(cluster.ListenAddrs()...)
	cfg.Topics, cfg.From = []string{"a"}, FromEnd
	w := asker(t, cfg)
	w.put(t, "a", 0, numbered("old", 0, 3)...)
	l := newLedger()
	c := run(t, cfg, l.as("one"))
	c.joined(t, 1)
	require.Eventually(t, func() bool {
		at, err := c.member.committed(t.Context(), 0)
		return err == nil && at["a"] == 3
	}, soon, 10*time.Millisecond, "the next owner begins there too")
	c.stop()
	w.put(t, "a", 0, numbered("new", 0, 2)...)
	run(t, cfg, l.as("two")).joined(t, 1)
	require.Eventually(t, func() bool { return l.count() == 2 }, soon, 10*time.Millisecond)
	assert.Equal(t, map[string]int{"new0": 1, "new1": 1}, l.values())
}

func TestRecordsThatWereDeletedUnreadAreCountedAndTheRestIsRead(t *testing.T) {
	cluster := fake(t, kfake.SeedTopics(1, "a"))
	cfg := quick(cluster.ListenAddrs()...)
	cfg.Topics = []string{"a"}
	w := asker(t, cfg)
	w.put(t, "a", 0, numbered("x", 0, 2)...)
	reader := sdkmetric.NewManualReader()
	set := quiet()
	set.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	l := newLedger()
	first := run(t, cfg, l.as("one"))
	require.Eventually(t, func() bool { return l.count() == 2 }, soon, 10*time.Millisecond)
	first.stop()
	w.put(t, "a", 0, numbered("x", 2, 8)...)
	require.NoError(t, cluster.DeleteRecords("a", 0, 7))

	c, err := New(cfg, l.as("two"), set)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	require.Eventually(t, func() bool { return l.count() == 5 }, soon, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		m := metrics(t, reader)
		return m["valence.kafka.records.lost"] == 5 && m["messaging.client.consumed.messages"] == 3 && m["valence.kafka.lag"] == 0 && m["valence.kafka.partitions"] == 1
	}, soon, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-done)
}

// metrics sums each metric up.
func metrics(t *testing.T, reader sdkmetric.Reader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &all))
	out := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			var points []metricdata.DataPoint[int64]
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				points = d.DataPoints
			case metricdata.Gauge[int64]:
				points = d.DataPoints
			}
			for _, p := range points {
				out[m.Name] += p.Value
			}
		}
	}
	return out
}

func TestLeadersAndCoordinatorsMayMove(t *testing.T) {
	cluster := fake(t, kfake.NumBrokers(3))
	cfg := quick(cluster.ListenAddrs()...)
	l := newLedger()
	one, two := run(t, cfg, l.as("one")), run(t, cfg, l.as("two"))
	one.joined(t, 2)
	two.joined(t, 2)
	w := asker(t, cfg)
	for round := range 5 {
		for p := range 4 {
			w.put(t, "a", p, numbered("a", 1000*round+10*p, 10)...)
			w.put(t, "b", p, numbered("b", 1000*round+10*p, 10)...)
		}
		cluster.ShufflePartitionLeaders()
		cluster.RehashCoordinators()
	}
	require.Eventually(t, func() bool { return len(l.values()) == 400 }, soon, 10*time.Millisecond)
	require.Eventually(t, func() bool { return one.Ready() == nil && two.Ready() == nil }, soon, 10*time.Millisecond)
}

func TestMembersThatReadDifferentTopicsDoNotShareAGroup(t *testing.T) {
	cluster := fake(t)
	cfg := quick(cluster.ListenAddrs()...)
	one := run(t, cfg, newLedger().as("one"))
	one.joined(t, 4)
	other := cfg
	other.Topics = []string{"a"}
	two := run(t, other, newLedger().as("two"))
	says := func(c *running) bool {
		err := c.Ready()
		return err != nil && strings.Contains(err.Error(), "give each role its own ingest.kafka.group")
	}
	require.Eventually(t, func() bool { return says(one) || says(two) }, soon, 10*time.Millisecond)
}
