//go:build servers

// Package examples_test runs the examples as a person would.
package examples_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/internal/brokers"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/kafka"
	"github.com/valence-live/valence/sink/sinktest"
)

// python returns the interpreter of the examples' environment.
func python(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join("..", "scripts", "setup-examples.sh"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, "%s", said.String())
	return string(out)
}

// fill publishes a call with everything that a reader must see through: drafts,
// repeats, a correction, and somebody who is erased. It returns what holds, and
// how many records there are.
func fill(t *testing.T, cfg kafka.Config) (holds []*sink.Event, records int) {
	t.Helper()
	p, err := kafka.New(cfg, telemetry.Nop())
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	require.Eventually(t, func() bool { return p.Check(t.Context()) == nil }, time.Minute, 100*time.Millisecond)

	call := sinktest.NewCall("call-17", 60).Events
	var all []*sink.Event
	for i, e := range call {
		draft, mallory := *e, *e
		draft.Revision, draft.State, draft.Score = 0, features.Provisional, 0
		mallory.Participant, mallory.ID = "mallory", strings.ReplaceAll(e.ID, "/"+e.Participant+"/", "/mallory/")
		all = append(all, &draft, e, &mallory)
		if i%7 == 0 {
			all = append(all, e)
		}
	}
	require.NoError(t, p.PublishBatch(t.Context(), all))
	require.NoError(t, p.Erase(t.Context(), "call-17", "mallory"))
	corrected := *call[10]
	corrected.Revision, corrected.State, corrected.Score, corrected.Polarity = 2, features.Corrected, -0.5, "negative"
	require.NoError(t, p.Publish(t.Context(), &corrected))
	call[10] = &corrected
	return call, len(all) + 2
}

func TestThePythonReaderAndDuckDBSeeWhatHolds(t *testing.T) {
	python := python(t)
	server := brokers.Kafka(t)
	cfg := kafka.Default()
	cfg.Brokers, cfg.Partitions = []string{server.Addr}, 3
	want, records := fill(t, cfg)

	newest := run(t, python, "python/read_events.py", "--brokers", server.Addr, "--newest")
	lines := strings.Split(strings.TrimSpace(newest), "\n")
	require.Len(t, lines, len(want))
	for i, line := range lines {
		e, err := sink.Decode([]byte(line))
		require.NoError(t, err)
		require.Equal(t, want[i].ID, e.ID)
		require.Equal(t, want[i].Revision, e.Revision)
		require.InDelta(t, float64(want[i].Score), float64(e.Score), 0)
	}

	// What Kafka's own consumer prints, with all revisions, but without the person who was erased: it has no keys.
	exported := filepath.Join(t.TempDir(), "events.jsonl")
	out, err := server.Tool(t.Context(), "consumer.ConsoleConsumer", "--topic", cfg.EventsTopic, "--from-beginning", "--max-messages", strconv.Itoa(records), "--timeout-ms", "60000").Output()
	require.NoError(t, err)
	var kept []string
	for line := range strings.SplitSeq(string(out), "\n") {
		if !strings.Contains(line, `"participant":"mallory"`) {
			kept = append(kept, line)
		}
	}
	assert.Greater(t, len(kept), 2*len(want))
	require.NoError(t, os.WriteFile(exported, []byte(strings.Join(kept, "\n")), 0o600))
	again := run(t, python, "python/read_events.py", exported, "--newest")
	assert.Equal(t, newest, again, "a file says the same as the topic")

	var answers struct {
		People []struct {
			Participant   string
			Windows       int
			MeanScore     float64 `json:"mean_score"`
			NegativeShare float64 `json:"negative_share"`
			Rolling       float64
		}
		Minutes, Turns []map[string]any
		Missing        []struct {
			Participant, Stream, Reason string
			Windows                     int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(run(t, python, "analytics/report.py", exported, "--json")), &answers))
	require.Len(t, answers.People, 2)
	for _, p := range answers.People {
		windows, sum, negative, rolling := 0, 0.0, 0, 0.0
		for _, e := range want {
			if e.Participant == p.Participant && e.Window.Kind == features.Sliding {
				windows, sum, rolling = windows+1, sum+float64(e.Score), float64(e.Rolling.Participant)
				if e.Polarity == "negative" {
					negative++
				}
			}
		}
		assert.Equal(t, windows, p.Windows)
		assert.InDelta(t, sum/float64(windows), p.MeanScore, 1e-4)
		assert.InDelta(t, float64(negative)/float64(windows), p.NegativeShare, 1e-4)
		assert.InDelta(t, rolling, p.Rolling, 1e-9)
	}
	assert.NotEmpty(t, answers.Minutes)
	assert.NotEmpty(t, answers.Turns, "the call turns twice")
	muted := 0
	for _, m := range answers.Missing {
		if m.Participant == "alice" && m.Stream == "video" && m.Reason == "muted" {
			muted = m.Windows
		}
	}
	assert.Positive(t, muted)
	assert.Contains(t, run(t, python, "analytics/report.py", exported), "mean_score")
}
