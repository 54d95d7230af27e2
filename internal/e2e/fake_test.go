//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/live"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/sinktest"
)

// fake is a server of made-up calls, to look at the pages without a model.
type fake struct {
	*httptest.Server
	store   *memory.Store
	streams atomic.Int64 // open streams of events
}

// call is the made-up call that ends now.
const call = "spring-orders"

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{store: memory.New(memory.Live())}
	handler, err := live.New(live.Default(), f.store, telemetry.Nop())
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/sessions/{session}/events", func(w http.ResponseWriter, r *http.Request) {
		f.streams.Add(1)
		defer f.streams.Add(-1)
		handler.Events().ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /v1/sessions", f.sessions)
	mux.HandleFunc("GET /look", look)
	mux.Handle("GET /", handler.Pages())
	f.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		require.NoError(t, f.store.Close())
		require.NoError(t, handler.Shutdown(context.Background()))
		f.Close()
	})
	return f
}

// run publishes a call of three minutes that ends now, and goes on with it.
func (f *fake) run(t *testing.T) {
	t.Helper()
	const past, whole = 190, 400
	shift := time.Now().Truncate(time.Second).Sub(sinktest.Start().Add(past * time.Second))
	made := sinktest.NewCall(call, whole)
	var events []*sink.Event
	for _, e := range made.Events {
		moved := *e
		moved.Window.Start, moved.Window.End = e.Window.Start.Add(shift), e.Window.End.Add(shift)
		moved.Clock = sink.Clock{Source: ingest.ClockSenderReport, ErrorBound: sink.Duration(12 * time.Millisecond)}
		events = append(events, &moved)
	}
	for _, who := range []string{"alice", "bob"} {
		require.NoError(t, f.store.Tell(status(who, sink.Scoring, nil)))
	}
	i := 0
	for ; i < len(events) && events[i].Window.End.Before(time.Now()); i++ {
		require.NoError(t, f.store.Publish(t.Context(), events[i]))
	}
	var going sync.WaitGroup
	end := make(chan struct{})
	going.Go(func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				for ; i < len(events) && events[i].Window.End.Before(now); i++ {
					early := *events[i]
					early.State, early.Revision = features.Provisional, 0
					_ = f.store.Publish(t.Context(), &early)
				}
			case <-end:
				return
			}
		}
	})
	t.Cleanup(func() { close(end); going.Wait() })
}

func status(who string, state sink.Activity, reasons *sink.Modes[ingest.Reason]) sink.Status {
	return sink.Status{
		Session: call, Participant: who, At: time.Now(), State: state, Connected: state != sink.Left, Purpose: ingest.General,
		Consent: sink.Modes[bool]{Text: true, Audio: true, Video: who == "alice"}, Reasons: reasons,
	}
}

// sessions answers as the server does.
func (f *fake) sessions(w http.ResponseWriter, _ *http.Request) {
	type quantiles struct {
		P50 float64 `json:"p50_ms"`
		P95 float64 `json:"p95_ms"`
	}
	type person struct {
		sink.Status
		Latest  *sink.Event           `json:"latest,omitempty"`
		Latency map[string]*quantiles `json:"latency"`
		Drops   map[string]uint64     `json:"drops"`
	}
	type session struct {
		Session      string         `json:"session"`
		Purpose      ingest.Purpose `json:"purpose"`
		Participants []person       `json:"participants"`
	}
	one := session{Session: call, Purpose: ingest.General, Participants: []person{}}
	for _, s := range f.store.Statuses(call) {
		one.Participants = append(one.Participants, person{
			Status: s, Latest: f.store.Latest(call, s.Participant),
			Latency: map[string]*quantiles{"provisional": {P50: 38.2, P95: 71}, "final": {P50: 2041, P95: 2120}},
			Drops:   map[string]uint64{"shed": uint64(math.Round(3)), "no_consent": 112},
		})
	}
	calls := []session{one}
	if len(one.Participants) == 0 {
		calls = []session{}
	} else {
		calls = append(calls, session{Session: "support-4711", Purpose: ingest.Workplace, Participants: []person{{Status: sink.Status{Participant: "kim", State: sink.NoData, Connected: true}}}})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"sessions": calls})
}

// look is a product's page with the overlay over a video.
func look(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	back := map[string]string{"white": "#ffffff", "black": "#000000"}[r.URL.Query().Get("over")]
	if back == "" {
		back = "linear-gradient(160deg,#caa27e,#5d7183 60%,#233)"
	}
	_, _ = strings.NewReplacer("BACK", back, "WHO", r.URL.Query().Get("who")).WriteString(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>A product</title>
<style>body{margin:0;font-family:sans-serif}main{padding:2vw}video{width:100%;aspect-ratio:16/9;background:BACK;display:block}</style>
<main><h1>A call</h1><video id="v" aria-label="WHO"></video></main>
<script type="module">import { attachOverlay } from "/overlay.js"; window.overlay = attachOverlay(document.getElementById("v"), { session: "`+call+`", participant: "WHO" });</script></html>`)
}
