package telemetry_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/internal/config"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/rolling"
)

// TestAWindowIsASpanWithItsStagesAsChildrenAndABatchIsLinkedToIt runs a call of
// one cue through the real program and looks at its traces.
func TestAWindowIsASpanWithItsStagesAsChildrenAndABatchIsLinkedToIt(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	set := telemetry.Settings{Logger: slog.New(slog.DiscardHandler), Tracer: provider, Meter: metricnoop.NewMeterProvider()}

	engine, err := pipeline.Open(config.Default().Inference, set)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close(context.WithoutCancel(t.Context()))) })
	store := memory.New(memory.Default())
	call, err := engine.NewCall(pipeline.CallConfig{Align: align.Default(), Rolling: rolling.Default()}, store)
	require.NoError(t, err)
	require.NoError(t, call.Run(t.Context(), oneCue(t)))

	events := store.Session("call")
	require.NotEmpty(t, events)
	byID := map[string]tracetest.SpanStub{}
	children, batches := map[string][]string{}, map[string]int{}
	for _, s := range spans.GetSpans() {
		byID[s.SpanContext.SpanID().String()] = s
		children[s.Parent.SpanID().String()] = append(children[s.Parent.SpanID().String()], s.Name)
		for _, l := range s.Links {
			batches[l.SpanContext.TraceID().String()]++
		}
		for _, a := range s.Attributes {
			assert.NotContains(t, a.Value.String(), "wonderful", "no transcript in a span")
		}
	}
	for _, e := range events {
		require.Len(t, e.Traceparent, 55)
		trace, span := e.Traceparent[3:35], e.Traceparent[36:52]
		window, ok := byID[span]
		require.True(t, ok, "the event leads to the span of its window")
		assert.Equal(t, "window", window.Name)
		assert.ElementsMatch(t, []string{"queue", "inference", "publish"}, children[span])
		assert.Equal(t, 1, batches[trace], "the batch is linked to its window")
	}
}

func oneCue(t *testing.T) *replay.Source {
	t.Helper()
	file := filepath.Join(t.TempDir(), "one.srt")
	require.NoError(t, os.WriteFile(file, []byte("1\n00:00:00,500 --> 00:00:02,000\nThis is wonderful.\n"), 0o600))
	source, err := replay.Open(t.Context(), replay.Config{Session: "call", Inputs: []replay.Input{{Participant: "ann", Media: file}}}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return source
}
