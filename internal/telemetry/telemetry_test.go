package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/valence-live/valence/internal/telemetry"
)

func clearOTel(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
	} {
		t.Setenv(name, "")
	}
}

func TestNothingIsRecordedWithoutADestination(t *testing.T) {
	clearOTel(t)
	set, stop, err := telemetry.Start(t.Context(), slog.New(slog.DiscardHandler), io.Discard, "test")
	require.NoError(t, err)
	assert.IsType(t, noop.TracerProvider{}, set.Tracer)
	ctx, span := set.Tracer.Tracer(telemetry.Scope).Start(t.Context(), "window")
	assert.Empty(t, telemetry.Traceparent(ctx), "an event without a trace must not carry a traceparent")
	span.End()
	require.NoError(t, stop(t.Context()))
}

func TestTheStandardVariablesSwitchTracesOn(t *testing.T) {
	clearOTel(t)
	t.Setenv("OTEL_TRACES_EXPORTER", "console")
	set, stop, err := telemetry.Start(t.Context(), slog.New(slog.DiscardHandler), io.Discard, "test")
	require.NoError(t, err)
	ctx, span := set.Tracer.Tracer(telemetry.Scope).Start(t.Context(), "window")
	assert.Regexp(t, `^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`, telemetry.Traceparent(ctx))
	span.End()

	t.Setenv("OTEL_SDK_DISABLED", "true")
	off, stopOff, err := telemetry.Start(t.Context(), slog.New(slog.DiscardHandler), io.Discard, "test")
	require.NoError(t, err)
	assert.IsType(t, noop.TracerProvider{}, off.Tracer)
	require.NoError(t, stopOff(t.Context()))
	require.NoError(t, stop(t.Context()))
}

func TestTheConsoleIsNotWhereTheEventsGo(t *testing.T) {
	clearOTel(t)
	t.Setenv("OTEL_TRACES_EXPORTER", "console")
	t.Setenv("OTEL_METRICS_EXPORTER", "console")
	stdout, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	require.NoError(t, err)
	kept := os.Stdout
	os.Stdout = stdout
	t.Cleanup(func() { os.Stdout = kept })

	var terminal lines
	set, stop, err := telemetry.Start(t.Context(), slog.New(slog.DiscardHandler), &terminal, "test")
	require.NoError(t, err)
	for range 2 {
		_, span := set.Tracer.Tracer(telemetry.Scope).Start(t.Context(), "window")
		span.End()
	}
	counter, err := set.Meter.Meter(telemetry.Scope).Int64Counter("valence.windows")
	require.NoError(t, err)
	counter.Add(t.Context(), 3)
	require.NoError(t, stop(t.Context()))

	require.NoError(t, stdout.Close())
	events, err := os.ReadFile(stdout.Name())
	require.NoError(t, err)
	assert.Empty(t, string(events))
	require.Len(t, terminal, 3, "two spans and the metrics")
	for _, line := range terminal {
		assert.True(t, json.Valid([]byte(line)), line)
	}
	assert.Contains(t, strings.Join(terminal, ""), `"Name":"window"`)
	assert.Contains(t, strings.Join(terminal, ""), `"valence.windows"`)
}

// lines keeps what is written, one entry a Write.
type lines []string

func (l *lines) Write(p []byte) (int, error) {
	*l = append(*l, string(p))
	return len(p), nil
}

func TestTroublesOfTelemetryAreLoggedOnceASecond(t *testing.T) {
	clearOTel(t)
	t.Setenv("OTEL_TRACES_EXPORTER", "console")
	var log bytes.Buffer
	_, stop, err := telemetry.Start(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), io.Discard, "test")
	require.NoError(t, err)
	for range 3 {
		otel.Handle(errors.New("the collector is away"))
	}
	require.NoError(t, stop(t.Context()))
	assert.Equal(t, 1, strings.Count(log.String(), "the collector is away"))
	assert.Contains(t, log.String(), "level=WARN")
}

func TestAnUnknownExporterIsAnErrorThatNamesTheVariable(t *testing.T) {
	clearOTel(t)
	t.Setenv("OTEL_TRACES_EXPORTER", "pigeon")
	_, _, err := telemetry.Start(t.Context(), slog.New(slog.DiscardHandler), io.Discard, "test")
	require.ErrorContains(t, err, "OTEL_TRACES_EXPORTER")
}

func TestEveryUnusableLogSettingIsReported(t *testing.T) {
	_, err := telemetry.NewLogger(telemetry.Config{Level: "loud", Format: "xml"}, &bytes.Buffer{})
	require.ErrorIs(t, err, telemetry.ErrConfig)
	require.ErrorContains(t, err, `log.level "loud"`)
	require.ErrorContains(t, err, `log.format "xml"`)
}

func TestLogsAreJSONWhenAsked(t *testing.T) {
	var out bytes.Buffer
	logger, err := telemetry.NewLogger(telemetry.Config{Level: "warn", Format: "json"}, &out)
	require.NoError(t, err)
	logger.Info("not this")
	logger.Warn("this", slog.Int("count", 2))
	assert.JSONEq(t, `{"level":"WARN","msg":"this","count":2}`, dropTime(out.String()))
}

func dropTime(line string) string {
	const from = len(`{"time":"`)
	end := bytes.IndexByte([]byte(line[from:]), '"')
	return "{" + line[from+end+2:]
}

func TestAServerIsScrapedWithoutAnySetting(t *testing.T) {
	clearOTel(t)
	set, metrics, stop, err := telemetry.StartServer(t.Context(), slog.New(slog.DiscardHandler), "test")
	require.NoError(t, err)
	counter, err := set.Meter.Meter(telemetry.Scope).Int64Counter("valence.windows")
	require.NoError(t, err)
	counter.Add(t.Context(), 3)
	page := httptest.NewRecorder()
	metrics.ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	assert.Contains(t, page.Body.String(), "valence_windows_total{")
	assert.Regexp(t, `valence_windows_total\{[^}]*\} 3`, page.Body.String())
	require.NoError(t, stop(t.Context()))
}
