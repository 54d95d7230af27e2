package bench

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/sinktest"
)

func TestTheSlopeOfMemoryIsPerTenMinutes(t *testing.T) {
	var samples []sample
	for i := range 60 {
		samples = append(samples, sample{at: time.Duration(i) * time.Minute, memory: 1e6 + int64(i)*2e5})
	}
	assert.InDelta(t, 2e6, slope(samples), 1)
	assert.Zero(t, slope(samples[:1]))
}

func TestDropsAreReadByModalityAndReason(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`# HELP valence_samples_dropped_total Samples left out
valence_samples_dropped_total{modality="audio",otel_scope_name="a",reason="late"} 3
valence_samples_dropped_total{modality="audio",otel_scope_name="b",reason="late"} 4
valence_windows_total{state="final"} 9
go_goroutines 12
`))
	}))
	defer server.Close()
	m, err := scrape(t.Context(), server.URL)
	require.NoError(t, err)
	assert.InDelta(t, 12, m["go_goroutines"], 0)
	assert.Equal(t, map[string]float64{"valence_samples_dropped_total audio late": 7}, m.drops())
}

func TestAReaderSeesScoresAndNothingElse(t *testing.T) {
	line, err := sink.Encode(sinktest.Event("call", "alice", 1))
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(": hello\n\nevent: status\ndata: {}\n\nid: a-1\ndata: " + string(line) + "\n\n"))
	}))
	defer server.Close()
	events, err := listen(t.Context(), server.URL)
	require.NoError(t, err)
	assert.Equal(t, "alice", (<-events).Participant)
	_, open := <-events
	assert.False(t, open)
}

func TestTheMemoryAndTimeOfAProcessAreRead(t *testing.T) {
	p := process{os.Getpid()}
	memory, err := p.memory()
	if err != nil {
		t.Skip("this system has no /proc")
	}
	assert.Greater(t, memory, int64(1<<20))
	spun := time.Now()
	for p.cpu() == 0 {
		require.Less(t, time.Since(spun), time.Minute, "no time is ever used")
	}
}
