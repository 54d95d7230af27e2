//go:build servers

package chaos_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/valence-live/valence/internal/brokers"
	"github.com/valence-live/valence/internal/pipeline"
)

// arena is what the rounds have in common.
type arena struct {
	t        *testing.T
	program  string
	stage    *stage
	engine   *pipeline.Engine
	tape     recording
	reader   *reader
	producer *kgo.Client
	number   int
	long     *group // calls that see several rounds
	verdicts []verdict
}

// stage is everything that runs: servers, and workers that can be killed.
type stage struct {
	t     *testing.T
	kafka *brokers.Server
	redis *brokers.Server
	env   []string

	mu      sync.Mutex
	workers []*program
}

// program is one process of bin/valence serve.
type program struct {
	base string // of its HTTP interface
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// newStage starts the servers.
func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, kafka: brokers.Kafka(t), redis: brokers.Redis(t, "--appendonly", "yes", "--appendfsync", "everysec")}
	s.env = []string{
		"VALENCE_INGEST_KAFKA_BROKERS=[" + s.kafka.Addr + "]",
		"VALENCE_SINK_KAFKA_BROKERS=[" + s.kafka.Addr + "]",
		"VALENCE_SINK_REDIS_ADDRESSES=[" + s.redis.Addr + "]",
		"VALENCE_INGEST_WEBRTC_UDP=127.0.0.1:0",
	}
	return s
}

// built is the program under test.
func built(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("TEST_VALENCE"); named != "" {
		return named
	}
	path := filepath.Join(t.TempDir(), "valence")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/valence").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// serve starts a process and waits until it has said its address.
func (s *stage) serve(program0, role string) *program {
	s.t.Helper()
	log, err := os.CreateTemp(s.kafka.Dir, "valence-*.log")
	require.NoError(s.t, err)
	// Not the context of the test: it ends before the cleanups do.
	cmd := exec.CommandContext(context.WithoutCancel(s.t.Context()), program0, "serve", "--role", role, "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())
	p := &program{cmd: cmd, log: log.Name(), done: make(chan struct{})}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		said, _ := os.ReadFile(p.log)
		require.NoError(s.t, err, "the program printed no address\n%s", said)
	}
	p.base = strings.TrimSpace(line)
	go func() {
		defer close(p.done)
		_, _ = io.Copy(io.Discard, lines)
		_ = cmd.Wait()
		_ = log.Close()
	}()
	s.t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		if s.t.Failed() {
			if keep := os.Getenv("CHAOS_LOGS"); keep != "" {
				said, _ := os.ReadFile(p.log)
				_ = os.WriteFile(filepath.Join(keep, filepath.Base(p.log)), said, 0o600)
			}
		}
	})
	return p
}

// end ends the process and waits for it.
func (p *program) end(sig os.Signal) {
	_ = p.cmd.Process.Signal(sig)
	<-p.done
}

// add starts one more worker.
func (s *stage) add(program0 string) {
	p := s.serve(program0, "worker")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workers = append(s.workers, p)
}

// remove ends the oldest worker.
func (s *stage) remove(sig os.Signal) {
	s.mu.Lock()
	p := s.workers[0]
	s.workers = s.workers[1:]
	s.mu.Unlock()
	p.end(sig)
}
