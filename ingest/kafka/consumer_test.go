package kafka

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

func fake(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.BrokerConfigs(map[string]string{"group.min.session.timeout.ms": "500", "group.initial.rebalance.delay.ms": "0"})}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestAConsumerMakesItsTopicsAndHandsOutEveryRecordOnce(t *testing.T) {
	cfg := quick(fake(t).ListenAddrs()...)
	l := newLedger()
	c := run(t, cfg, l.as("one"))
	c.joined(t, 4)
	w := asker(t, cfg)
	for p := range 4 {
		w.put(t, "a", p, numbered("a", 100*p, 100)...)
		w.put(t, "b", p, numbered("b", 100*p, 100)...)
	}
	require.Eventually(t, func() bool { return l.count() == 800 }, soon, 10*time.Millisecond)
	c.stop()
	assert.Len(t, l.values(), 800)
	for p := range 4 {
		opened, closed := l.times(p)
		assert.Equal(t, 1, opened)
		assert.Equal(t, 1, closed)
	}

	again := run(t, cfg, l.as("two"))
	again.joined(t, 4)
	w.put(t, "a", 0, numbered("new", 0, 1)...)
	require.Eventually(t, func() bool { return l.values()["new0"] == 1 }, soon, 10*time.Millisecond)
	assert.Equal(t, 801, l.count(), "what was committed is not read again")
}
