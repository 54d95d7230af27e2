//go:build servers

package redis_test

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/brokers"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/sinktest"
)

// lines returns those of docs/redis.md that begin with the prefix.
func lines(t *testing.T, prefix string) (found []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/redis.md")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, prefix) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	require.NotEmpty(t, found)
	return found
}

func TestTheCommandsOfTheDocumentationFindTheScores(t *testing.T) {
	s := brokers.Redis(t)
	require.NoError(t, open(t, at(s.Addr)).PublishBatch(t.Context(), sinktest.NewCall("call-17", 20).Events))
	_, port, err := net.SplitHostPort(s.Addr)
	require.NoError(t, err)
	for _, line := range lines(t, "redis-cli ") {
		if strings.Contains(line, "SUBSCRIBE") || strings.Contains(line, "BLOCK") {
			continue // they wait
		}
		line = strings.Replace(line, "redis-cli", "redis-cli -p "+port, 1)
		out, err := exec.CommandContext(t.Context(), "bash", "-c", line).Output()
		require.NoError(t, err, line)
		assert.Greater(t, len(strings.TrimSpace(string(out))), 5, line)
		assert.NotContains(t, string(out), "ERR", line)
	}
}

func TestTheUserOfTheDocumentationMayDoAllThatIsNeeded(t *testing.T) {
	s := brokers.Redis(t)
	rule := lines(t, "ACL SETUSER")[0]
	out, err := s.Tool(t.Context(), strings.Fields(strings.Replace(rule, ">PASSWORD", ">hunter2", 1))...).Output()
	require.NoError(t, err)
	require.Equal(t, "OK\n", string(out))

	cfg := at(s.Addr)
	cfg.Username, cfg.Password = "valence", "hunter2"
	p := open(t, cfg)
	alice, bob := sinktest.Event("call", "alice", 1), sinktest.Event("call", "bob", 1)
	require.NoError(t, p.PublishBatch(t.Context(), []*sink.Event{alice, alice, bob, sinktest.Event("call", "alice", 2)}))
	assert.Equal(t, []string{"call"}, client(t, s.Addr).ZRange(t.Context(), "valence:sessions", 0, -1).Val(), "the index was written, too")
	require.NoError(t, p.Erase(t.Context(), "call", "alice"))
	assert.Equal(t, []*sink.Event{bob}, history(t, client(t, s.Addr), "call"))
	require.NoError(t, p.Erase(t.Context(), "call", "bob"))
	assert.Zero(t, client(t, s.Addr).DBSize(t.Context()).Val())
}
