package brokers

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// RedisCluster starts a Redis cluster of three nodes without replicas, which
// share the slots.
func RedisCluster(tb testing.TB) []*Server {
	tb.Helper()
	create := []string{"--cluster", "create"}
	var nodes []*Server
	for range 3 {
		s := Redis(tb, "--cluster-enabled", "yes")
		nodes, create = append(nodes, s), append(create, s.Addr)
	}
	out, err := nodes[0].Tool(tb.Context(), append(create, "--cluster-yes")...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "All 16384 slots covered") {
		tb.Fatalf("create a Redis cluster: %v\n%s", err, tail(string(out)))
	}
	return nodes
}

// Sentinel starts a Sentinel that watches over a Redis under a name and puts a
// replica in its place when it has not answered for half a second.
func Sentinel(tb testing.TB, name string, master *Server) *Server {
	tb.Helper()
	s := Redis(tb)
	s.Kill()
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		tb.Fatal(err)
	}
	config := filepath.Join(s.Dir, "sentinel.conf")
	write(tb, config, strings.Join([]string{
		"sentinel monitor " + name + " " + host + " " + port + " 1",
		"sentinel down-after-milliseconds " + name + " 500",
		"sentinel failover-timeout " + name + " 2000",
	}, "\n")+"\n")
	s.command = []string{s.command[0], config, "--sentinel", "--port", s.port(), "--bind", "127.0.0.1", "--dir", s.Dir}
	s.ready = "+monitor master"
	s.Restart()
	return s
}

func (s *Server) port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}
