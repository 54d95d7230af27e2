package brokers

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// RedisCluster starts a Redis cluster of three nodes without replicas, which
// share the slots.
func RedisCluster(tb testing.TB) []*Server {
	tb.Helper()
	create := []string{"--cluster", "create"}
	var nodes []*Server
	for range 3 {
		// The nodes talk on a port of their own. What they take unasked, theirs plus
		// 10000, may be one that the system gives to clients.
		s := Redis(tb, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(FreePort(tb)))
		nodes, create = append(nodes, s), append(create, s.Addr)
	}
	out, err := nodes[0].Tool(tb.Context(), append(create, "--cluster-yes")...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "All 16384 slots covered") {
		tb.Fatalf("create a Redis cluster: %v\n%s", err, tail(string(out)))
	}
	for _, s := range nodes {
		s.awaitCluster()
	}
	return nodes
}

// awaitCluster returns when the node takes commands: it goes on refusing them
// for some time after it has heard that all slots are covered.
func (s *Server) awaitCluster() {
	s.tb.Helper()
	for deadline := time.Now().Add(startLimit); ; {
		out, err := s.Tool(s.tb.Context(), "cluster", "info").CombinedOutput()
		switch {
		case err == nil && strings.Contains(string(out), "cluster_state:ok"):
			return
		case time.Now().After(deadline):
			s.tb.Fatalf("the Redis cluster of %s is not up after %s: %v\n%s", s.Addr, startLimit, err, tail(string(out)))
		}
		time.Sleep(10 * time.Millisecond)
	}
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
