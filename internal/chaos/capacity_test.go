//go:build servers

package chaos_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/config"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/internal/worker"
)

// How many calls one worker keeps up with: it gets a minute of as many calls of two
// people as CHAOS_CALLS says, all written before it begins, and its CPU is counted.
func TestHowManyCallsOneWorkerKeepsUpWith(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("CHAOS_CALLS"))
	if err != nil {
		t.Skip("CHAOS_CALLS is not set")
	}
	const length = time.Minute
	program, s := built(t), newStage(t)
	tape, producer, reader := record(t, openEngine(t)), s.newProducer(), s.read()
	first := s.serve(program, "worker") // makes the topics
	require.True(t, eventually(t, soon, func() bool {
		said, err := os.ReadFile(first.log)
		return err == nil && strings.Contains(string(said), "joined the group")
	}))
	first.end(syscall.SIGTERM)

	begins := time.Now().Truncate(time.Second).Add(-2 * length)
	calls, records, bytes := map[string][]spoken{}, 0, 0
	for i := range n {
		id := fmt.Sprintf("call-%d", i)
		calls[id] = tape.call(t, id, begins, length)
		for _, r := range calls[id] {
			records++
			bytes += len(r.Value)
		}
	}
	s.begin(producer, 1, calls).end()
	t.Logf("%d calls, each %.0f records/s and %.1f kB/s", n, float64(records)/length.Seconds()/float64(n), float64(bytes)/1000/length.Seconds()/float64(n))

	began := time.Now()
	p := s.serve(program, "worker")
	last := begins.Add(length - 3*time.Second)
	require.True(t, eventually(t, 10*time.Minute, func() bool {
		for id := range calls {
			done := map[string]bool{}
			for _, a := range reader.of(id) {
				if a.event.State == features.Final && a.event.Window.Kind == features.Sliding && !a.event.Window.End.Before(last) {
					done[a.event.Participant] = true
				}
			}
			if len(done) < 1 {
				return false
			}
		}
		return true
	}))
	took := time.Since(began)
	cpu := p.cpu(t)
	seconds := float64(n) * length.Seconds()
	t.Logf("%.0f s of calls in %s by %s of CPU: %.0f calls for each core, %.0f at this speed", seconds, took.Round(time.Millisecond), cpu,
		seconds/cpu.Seconds(), seconds/took.Seconds())
}

// cpu is what the process has used so far.
func (p *program) cpu(t *testing.T) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	require.NoError(t, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0
	for _, f := range fields[11:13] { // user, system: proc(5)
		n, err := strconv.Atoi(f)
		require.NoError(t, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// A second of one call of two people, from the record to the event.
func BenchmarkASecondOfACall(b *testing.B) {
	engine, err := pipeline.Open(pipeline.DefaultEngine(), telemetry.Nop())
	require.NoError(b, err)
	b.Cleanup(func() { _ = engine.Close(context.Background()) })
	tape := record(b, engine)
	cfg := config.Default()
	cfg.Align.Provisional = true
	call := pipeline.CallConfig{Align: cfg.Align, Rolling: cfg.Sink.Rolling}
	call.Align.Limits, call.Rolling.Hop = engine.Limits(), cfg.Align.Hop
	w, err := worker.New(worker.Config{Call: call, Purpose: ingest.General, Idle: cfg.Calls.Idle, MaxParticipants: 16}, engine, &list{}, telemetry.Nop())
	require.NoError(b, err)
	lane, err := w.Open(b.Context(), 0, nil)
	require.NoError(b, err)
	records := tape.call(b, "call", zero(), time.Duration(b.N)*time.Second)
	b.ReportAllocs()
	b.ResetTimer()
	for i, r := range records {
		if err := lane.Handle(b.Context(), placed(r, int64(i))); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, lane.Close())
}
