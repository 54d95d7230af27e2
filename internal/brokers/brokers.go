// Package brokers starts real servers for tests: Apache Kafka and Redis, each
// on free ports of the loopback interface, with its data and its log in a
// folder of the test.
//
// A Server runs without a goroutine of this process, so goleak sees none. It
// is killed when its test ends, or when the process does. The log of a server
// is shown with the test that failed. What is started comes from
// scripts/setup-kafka.sh and scripts/setup-redis.sh, or from where
// TEST_KAFKA_JARS and TEST_REDIS_SERVER point.
package brokers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startLimit is how long a server may take to be ready. It is generous: the
// machine that tests may be busy with other things.
const startLimit = 2 * time.Minute

// Server is a process that a test can stop, kill, freeze and start again. Its
// methods fail the test when they cannot do so; they may be called from any
// goroutine, one after the other.
type Server struct {
	// Addr is where clients connect, "127.0.0.1:port". It stays the same.
	Addr string
	// Dir holds the server's data and log.
	Dir string

	tb      testing.TB
	command []string
	ready   string // what the log says when clients may come
	broken  []string
	tool    func(ctx context.Context, args []string) *exec.Cmd

	mu      sync.Mutex
	running *exec.Cmd
	log     *os.File
}

// launch starts the server and sees to its end.
func (s *Server) launch() *Server {
	s.tb.Helper()
	var err error
	s.log, err = os.OpenFile(filepath.Join(s.Dir, "server.log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		s.tb.Fatalf("open the log of a server: %v", err)
	}
	s.tb.Cleanup(func() {
		s.end(syscall.SIGKILL)
		if s.tb.Failed() {
			s.tb.Logf("the end of the log of %s:\n%s", s.command[0], tail(s.logged(0)))
		}
		_ = s.log.Close()
	})
	s.Restart()
	return s
}

// Restart starts the server with the data that it has, after it has stopped
// it if it runs, and returns when clients may come.
func (s *Server) Restart() {
	s.tb.Helper()
	s.end(syscall.SIGTERM)
	if err := s.start(); err != nil {
		s.tb.Fatalf("start %s: %v\n%s", s.command[0], err, tail(s.logged(0)))
	}
}

func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, err := s.log.Seek(0, 2)
	if err != nil {
		return err
	}
	// The test's own context ends before its cleanups do; one that ends would need a goroutine, too.
	cmd := exec.CommandContext(context.WithoutCancel(s.tb.Context()), s.command[0], s.command[1:]...) //nolint:gosec // G204: the servers that tests are for
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = s.Dir, s.log, s.log, endsWithUs()
	if err := cmd.Start(); err != nil {
		return err
	}
	s.running = cmd
	for deadline := time.Now().Add(startLimit); ; {
		log := s.logged(before)
		switch {
		case strings.Contains(log, s.ready):
			return nil
		case containsAny(log, s.broken):
			return errors.New("it gave up")
		case time.Now().After(deadline):
			return fmt.Errorf("not ready after %s", startLimit)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Stop ends the server in an orderly way and waits for its end.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server at once, as a crash does.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Pause freezes the server: its connections stay open and nothing is answered,
// as when a network is cut.
func (s *Server) Pause() { s.tb.Helper(); s.signal(syscall.SIGSTOP) }

// Resume lets a frozen server go on.
func (s *Server) Resume() { s.tb.Helper(); s.signal(syscall.SIGCONT) }

// Tool returns a command line client of the server, connected to it and ready
// to run: of Redis redis-cli with the arguments, of Kafka the class in
// org.apache.kafka.tools ("TopicCommand", "consumer.ConsoleConsumer") with the
// arguments.
func (s *Server) Tool(ctx context.Context, args ...string) *exec.Cmd {
	return s.tool(ctx, args)
}

func (s *Server) signal(sig os.Signal) {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		s.tb.Fatalf("%s does not run", s.command[0])
	}
	if err := s.running.Process.Signal(sig); err != nil {
		s.tb.Fatalf("signal %s: %v", s.command[0], err)
	}
}

// end ends the server and waits. A frozen one is woken for it.
func (s *Server) end(sig os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return
	}
	for _, sig := range []os.Signal{sig, syscall.SIGCONT} {
		if err := s.running.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			s.tb.Errorf("signal %s: %v", s.command[0], err)
		}
	}
	_ = s.running.Wait()
	s.running = nil
}

// logged returns what the server has logged since the offset.
func (s *Server) logged(since int64) string {
	info, err := s.log.Stat()
	if err != nil {
		return err.Error()
	}
	text := make([]byte, max(0, info.Size()-since))
	n, _ := s.log.ReadAt(text, since)
	return string(text[:n])
}

// tail keeps what a person reads of a log.
func tail(log string) string {
	const lines = 60
	all := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// FreePort returns a TCP port of the loopback interface on which nobody
// listens. It lies below those that the system gives to clients, so that none
// takes it before the server does.
func FreePort(tb testing.TB) int {
	tb.Helper()
	const low, high = 15000, 32000
	for range 100 {
		port := low + rand.IntN(high-low) //nolint:gosec // G404: nothing is secret here
		var lc net.ListenConfig
		l, err := lc.Listen(context.WithoutCancel(tb.Context()), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := l.Close(); err == nil {
			return port
		}
	}
	tb.Fatal("no free port was found")
	return 0
}

// setup returns what the environment names, or what the set-up script prints.
func setup(tb testing.TB, variable, script string) string {
	tb.Helper()
	if found := os.Getenv(variable); found != "" {
		return found
	}
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		tb.Fatalf("set %s to what scripts/%s prints", variable, script)
	}
	path := filepath.Join(filepath.Dir(here), "..", "..", "scripts", script)
	var said strings.Builder
	cmd := exec.CommandContext(tb.Context(), path) //nolint:gosec // G204: a script of this repository
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("%s: %v\n%s", script, err, said.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
