//go:build e2e

package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

// aiortc shares no code with the program and none with a browser.
func TestAnIndependentClientPublishesAndGetsScores(t *testing.T) {
	p := serve(t)
	python := os.Getenv("E2E_PYTHON")
	if python == "" {
		out, err := exec.CommandContext(t.Context(), filepath.Join("..", "..", "scripts", "setup-aiortc.sh")).Output()
		require.NoError(t, err)
		python = strings.TrimSpace(string(out))
	}
	const session, who = "aiortc call", "zoë"
	client := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "client.py"), p.base, session, who, demo(), "12")
	var trouble bytes.Buffer
	client.Stderr = &trouble
	out, err := client.Output()
	require.NoError(t, err, "%s", &trouble)
	var events []*sink.Event
	for line := range strings.Lines(string(out)) {
		e, err := sink.Decode([]byte(line))
		require.NoError(t, err)
		events = append(events, e)
	}
	require.Len(t, events, 12)
	heard, seen := 0, 0
	for _, e := range events {
		assert.Equal(t, who, e.Participant)
		assert.WithinDuration(t, time.Now(), e.Window.End, time.Minute)
		assert.False(t, e.Modalities.Text.Present, "there was no transcript")
		if e.Modalities.Audio.Present {
			heard++
		}
		if e.Modalities.Video.Present {
			seen++
		}
		assert.Contains(t, []ingest.ClockSource{ingest.ClockArrival, ingest.ClockSenderReport}, e.Clock.Source)
	}
	assert.Greater(t, heard, 6)
	assert.Greater(t, seen, 6)
	require.Eventually(t, func() bool { s := p.state(t.Context(), t, session, who); return s != nil && s.State == sink.Left }, 2*time.Minute, 100*time.Millisecond)
}
