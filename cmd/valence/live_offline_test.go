//go:build e2e

package main

import (
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/ingest/webrtc/webrtctest"
	"github.com/valence-live/valence/internal/config"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/internal/wire/wiretest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
)

// TestALiveCallIsScoredAsItsRecordingIs sends the demo call by WebRTC over a
// network that loses nothing, its words on the data channel as each sentence
// begins, and compares every final window with the replay of the same files.
func TestALiveCallIsScoredAsItsRecordingIs(t *testing.T) {
	const media, words = "../../demo/call.webm", "../../demo/call.vtt"
	cfg := config.Default()
	cfg.Align.Provisional = true
	cfg.Server.Listen, cfg.Ingest.WebRTC.UDP = "127.0.0.1:0", "127.0.0.1:0"
	engine, err := pipeline.Open(cfg.Inference, telemetry.Nop())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, engine.Close(t.Context())) })
	s, err := newService(roleAll, cfg, engine, telemetry.Nop(), nil)
	require.NoError(t, err)
	require.NoError(t, s.start(t.Context()))

	p, err := webrtctest.Publish(t.Context(), webrtctest.Options{
		URL: "http://" + s.server.Addr() + "/whip/demo/maya", Consent: "text, audio, video", File: media, Channel: true,
	})
	require.NoError(t, err)
	<-p.Started()
	<-p.Opened()
	began := p.Captured(0)
	for _, segment := range wiretest.Segments(t, words, began) {
		select {
		case <-time.After(time.Until(segment.Start)):
			require.NoError(t, p.Say(wiretest.Spelled(t, segment)))
		case <-p.Done():
		}
	}
	<-p.Done()
	require.NoError(t, p.Err())
	require.NoError(t, p.Delete(t.Context()))
	require.NoError(t, s.shutdown(t.Context()))

	recorded := recording(t, cfg, engine, replay.Config{
		Session: "demo", Start: began, Inputs: []replay.Input{{Participant: "maya", Media: media, Transcript: words}},
	})
	compare(t, finals(s.store), finals(recorded))
}

func recording(t *testing.T, cfg config.Config, engine *pipeline.Engine, from replay.Config) *memory.Store {
	t.Helper()
	source, err := replay.Open(t.Context(), from, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	call := pipeline.CallConfig{Align: cfg.Align, Rolling: cfg.Sink.Rolling}
	call.Align.Provisional, call.Align.Limits, call.Rolling.Hop = false, engine.Limits(), cfg.Align.Hop
	store := memory.New(memory.Default())
	c, err := engine.NewCall(call, store)
	require.NoError(t, err)
	require.NoError(t, c.Run(t.Context(), source))
	return store
}

// finals are the sliding windows of a call that will not change, by their end.
func finals(store *memory.Store) map[time.Time]*sink.Event {
	out := map[time.Time]*sink.Event{}
	for _, e := range store.Session("demo") {
		if e.Window.Kind == features.Sliding && e.State != features.Provisional {
			out[e.Window.End.UTC()] = e
		}
	}
	return out
}

func compare(t *testing.T, live, recorded map[time.Time]*sink.Event) {
	t.Helper()
	var off []float64
	for end, e := range recorded {
		l := live[end]
		if l == nil {
			t.Logf("%s: %s is in the recording alone", end.Format("05"), e.ID)
			continue
		}
		d := math.Abs(float64(l.Score - e.Score))
		off = append(off, d)
		for m, s := range l.Modalities.All() {
			r := e.Modalities.All()[m]
			if d > .05 || s.Present != r.Present {
				t.Logf("%s %s: live %.3f %v %.3f %s, recorded %.3f %v %.3f %s", end.Format("05"), ingest.Modality(m),
					l.Score, s.Present, s.Coverage, s.Reason, e.Score, r.Present, r.Coverage, r.Reason)
			}
		}
	}
	slices.Sort(off)
	require.NotEmpty(t, off)
	t.Logf("%d windows of %d live and %d recorded; difference of scores: median %.4f, most %.4f",
		len(off), len(live), len(recorded), off[len(off)/2], off[len(off)-1])
	assert.GreaterOrEqual(t, len(off), len(recorded)-2, "a window or two at the ends")
	assert.LessOrEqual(t, off[len(off)/2], .05)
	assert.LessOrEqual(t, off[len(off)-1], .15)
}
