package worker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/valence-live/valence/ingest/kafka"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/memory"
)

// traced runs the demo's features through a lane, each record written in the
// trace of that number, and returns the traces of the events.
func traced(t *testing.T, set telemetry.Settings, trace func(record int) int) (traceparents []string) {
	t.Helper()
	engine, err := pipeline.Open(pipeline.DefaultEngine(), set)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close(context.WithoutCancel(t.Context()))) })
	store := memory.New(memory.Default())
	lane, err := newWorker(t, engine, store, nil).Open(t.Context(), 0, nil)
	require.NoError(t, err)
	for i, r := range gateway(t, engine).records {
		r.Headers = append(r.Headers, kafka.Header{Key: "traceparent", Value: fmt.Appendf(nil, "00-%032x-%016x-01", trace(i), i+1)})
		require.NoError(t, lane.Handle(t.Context(), r))
	}
	require.NoError(t, lane.Close())
	for _, e := range store.Session("demo") {
		traceparents = append(traceparents, e.Traceparent)
	}
	require.NotEmpty(t, traceparents)
	return traceparents
}

// Also where this process records no traces.
func TestACallThatIsWrittenInOneTraceIsScoredInIt(t *testing.T) {
	for _, said := range traced(t, telemetry.Nop(), func(int) int { return 7 }) {
		assert.True(t, strings.HasPrefix(said, fmt.Sprintf("00-%032x-", 7)), said)
	}
}

func TestAWindowOfSeveralTracesIsPartOfNone(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	set := telemetry.Nop()
	set.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	for _, said := range traced(t, set, func(record int) int { return 1 + record }) {
		require.Len(t, said, 55)
		assert.NotEqual(t, strings.Repeat("0", 20), said[3:23], "a trace of its own")
	}
	windows := 0
	for _, span := range spans.Ended() {
		if span.Name() != "window" {
			continue
		}
		windows++
		assert.False(t, span.Parent().IsValid())
		require.Len(t, span.Links(), 1)
		assert.Equal(t, strings.Repeat("0", 20), span.Links()[0].SpanContext.TraceID().String()[:20])
	}
	assert.Positive(t, windows)
}
