package brokers

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// Redis starts a redis-server that keeps nothing on disk. Further arguments are
// settings as redis-server takes them, "--appendonly", "yes": with those two
// it has its data again after a Restart.
func Redis(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	program := setup(tb, "TEST_REDIS_SERVER", "setup-redis.sh")
	s := &Server{tb: tb, Dir: tb.TempDir(), ready: "Ready to accept connections", broken: []string{"# FATAL", "# Failed", "Fatal error"}}
	port := strconv.Itoa(FreePort(tb))
	s.Addr = net.JoinHostPort("127.0.0.1", port)
	s.command = append([]string{
		program, "--port", port, "--bind", "127.0.0.1", "--dir", s.Dir, "--save", "", "--appendonly", "no",
		"--daemonize", "no", "--logfile", "", "--loglevel", "notice",
	}, settings...)
	s.tool = func(ctx context.Context, args []string) *exec.Cmd { return redisCLI(ctx, program, port, args) }
	return s.launch()
}

func redisCLI(ctx context.Context, server, port string, args []string) *exec.Cmd {
	program := "redis-cli"
	if beside := filepath.Join(filepath.Dir(server), program); isThere(beside) {
		program = beside
	}
	return exec.CommandContext(ctx, program, append([]string{"-h", "127.0.0.1", "-p", port}, args...)...) //nolint:gosec // G204: the client that tests are for
}

func isThere(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
