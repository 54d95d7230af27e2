//go:build servers

package brokers_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/internal/brokers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func say(t *testing.T, s *brokers.Server, args ...string) string {
	t.Helper()
	out, err := s.Tool(t.Context(), args...).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func dial(t *testing.T, s *brokers.Server) (net.Conn, error) {
	t.Helper()
	return (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", s.Addr)
}

func assertGone(t *testing.T, s *brokers.Server) {
	t.Helper()
	c, err := dial(t, s)
	if err == nil {
		_ = c.Close()
		t.Error("it still takes connections")
	}
}

func TestRedisComesAndGoesAsToldAtTheSameAddress(t *testing.T) {
	s := brokers.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	assert.Equal(t, "OK", say(t, s, "set", "k", "v"))
	s.Kill()
	assertGone(t, s)
	s.Restart()
	assert.Equal(t, "v", say(t, s, "get", "k"), "it has its data again")
	s.Stop()
	assertGone(t, s)
	s.Stop()
	s.Restart()

	s.Pause()
	c, err := dial(t, s)
	require.NoError(t, err, "the kernel takes the connection of a frozen server")
	defer func() { _ = c.Close() }()
	_, err = c.Write([]byte("PING\r\n"))
	require.NoError(t, err)
	answer := make([]byte, 7)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	_, err = c.Read(answer)
	require.Error(t, err)
	s.Resume()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = c.Read(answer)
	require.NoError(t, err)
	assert.Equal(t, "+PONG\r\n", string(answer))
}

func TestKafkaTakesRecordsAndHasThemAfterACrash(t *testing.T) {
	s := brokers.Kafka(t)
	say(t, s, "TopicCommand", "--create", "--topic", "calls", "--partitions", "2")
	produce := s.Tool(t.Context(), "ConsoleProducer", "--topic", "calls", "--command-property", "acks=all")
	produce.Stdin = strings.NewReader("hello\n")
	require.NoError(t, produce.Run())
	s.Kill()
	assertGone(t, s)
	s.Restart()
	assert.Equal(t, "hello", say(t, s, "consumer.ConsoleConsumer", "--topic", "calls", "--from-beginning", "--max-messages", "1", "--timeout-ms", "30000"))
}
