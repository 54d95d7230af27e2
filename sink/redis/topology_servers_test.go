//go:build servers

package redis_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/brokers"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/redis"
	"github.com/valence-live/valence/sink/sinktest"
)

func TestACallOfAClusterIsOnOneNodeWhateverItsID(t *testing.T) {
	nodes := brokers.RedisCluster(t)
	p := open(t, at(nodes[0].Addr, nodes[1].Addr, nodes[2].Addr))
	c := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: []string{nodes[1].Addr}})
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	var events []*sink.Event
	for i, id := range append(sinktest.OddIDs(), "}", "}}", "a}:b", "{}", "{}}") {
		events = append(events, sinktest.Event(id, id, i))
	}
	for i := range 100 {
		events = append(events, sinktest.Event("call-"+strconv.Itoa(i), "alice", i))
	}
	require.NoError(t, p.PublishBatch(t.Context(), events))
	require.NoError(t, p.PublishBatch(t.Context(), events), "a repeat")
	assert.Equal(t, []*sink.Event{events[len(events)-1]}, history(t, c, "call-99"))
	assert.Equal(t, int64(len(events)), c.ZCard(t.Context(), "valence:sessions").Val())
	for _, node := range nodes {
		out, err := node.Tool(t.Context(), "dbsize").Output()
		require.NoError(t, err)
		assert.NotEqual(t, "0\n", string(out), "every node has some")
	}
	require.NoError(t, p.Erase(t.Context(), "call-99", "alice"))
	assert.Empty(t, history(t, c, "call-99"))
	assert.Equal(t, int64(len(events)-1), c.ZCard(t.Context(), "valence:sessions").Val())

	// A cluster behind one address, as hosted ones are.
	hosted := at(nodes[2].Addr)
	hosted.Cluster = true
	require.NoError(t, open(t, hosted).PublishBatch(t.Context(), events))
}

func TestANewMasterGetsTheEventsWhenTheOldOneDies(t *testing.T) {
	master := brokers.Redis(t)
	host, port, err := net.SplitHostPort(master.Addr)
	require.NoError(t, err)
	replica := brokers.Redis(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	sentinel := brokers.Sentinel(t, "scores", master)
	require.Eventually(t, func() bool {
		out, err := sentinel.Tool(t.Context(), "SENTINEL", "REPLICAS", "scores").Output()
		return err == nil && len(out) > 2
	}, 2*time.Minute, 50*time.Millisecond, "the Sentinel asks its master for replicas every 10 s")

	cfg := at(sentinel.Addr)
	cfg.Master, cfg.Timeout = "scores", time.Second
	p := open(t, cfg)
	first, second := sinktest.Event("call", "alice", 1), sinktest.Event("call", "alice", 2)
	require.NoError(t, p.Publish(t.Context(), first))
	c := client(t, replica.Addr)
	require.Eventually(t, func() bool { return len(history(t, c, "call")) == 1 }, 2*time.Minute, 20*time.Millisecond)
	master.Kill()
	require.Eventually(t, func() bool { return p.Publish(t.Context(), second) == nil }, 2*time.Minute, 50*time.Millisecond)
	assert.Equal(t, []*sink.Event{first, second}, history(t, c, "call"))
}

func TestAPasswordAndACertificateAreAskedForAndGiven(t *testing.T) {
	cert := brokers.NewCertificate(t)
	port := strconv.Itoa(brokers.FreePort(t))
	brokers.Redis(t, "--requirepass", "hunter2", "--tls-port", port, "--tls-ca-cert-file", cert.File,
		"--tls-cert-file", cert.File, "--tls-key-file", cert.Key)
	cfg := at("127.0.0.1:" + port)
	cfg.PasswordFile = filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(cfg.PasswordFile, []byte("hunter2\n"), 0o600))
	cfg.TLS = redis.TLS{Enabled: true, CA: cert.File, Certificate: cert.File, Key: cert.Key}
	e := sinktest.Event("call", "alice", 1)
	require.NoError(t, open(t, cfg).Publish(t.Context(), e))

	for name, change := range map[string]func(*redis.Config){
		"wrong password": func(c *redis.Config) { c.Password, c.PasswordFile = "hunter3", "" },
		"no certificate": func(c *redis.Config) { c.TLS.Certificate, c.TLS.Key = "", "" },
		"other name":     func(c *redis.Config) { c.TLS.ServerName = "example.com" },
		"unknown CA":     func(c *redis.Config) { c.TLS.CA = "" },
	} {
		other := cfg
		change(&other)
		other.Timeout = 2 * time.Second
		err := open(t, other).Publish(t.Context(), e)
		require.ErrorIs(t, err, redis.ErrUnavailable, name)
		assert.NotContains(t, err.Error(), "hunter", name)
	}
}
