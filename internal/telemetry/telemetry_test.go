package telemetry_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	set, stop, err := telemetry.Start(t.Context(), slog.New(slog.DiscardHandler), "test")
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
	set, stop, err := telemetry.Start(t.Context(), slog.New(slog.DiscardHandler), "test")
	require.NoError(t, err)
	ctx, span := set.Tracer.Tracer(telemetry.Scope).Start(t.Context(), "window")
	assert.Regexp(t, `^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`, telemetry.Traceparent(ctx))
	span.End()

	t.Setenv("OTEL_SDK_DISABLED", "true")
	off, stopOff, err := telemetry.Start(t.Context(), slog.New(slog.DiscardHandler), "test")
	require.NoError(t, err)
	assert.IsType(t, noop.TracerProvider{}, off.Tracer)
	require.NoError(t, stopOff(t.Context()))
	require.NoError(t, stop(t.Context()))
}

func TestAnUnknownExporterIsAnErrorThatNamesTheVariable(t *testing.T) {
	clearOTel(t)
	t.Setenv("OTEL_TRACES_EXPORTER", "pigeon")
	_, _, err := telemetry.Start(t.Context(), slog.New(slog.DiscardHandler), "test")
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
