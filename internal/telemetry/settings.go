// Package telemetry is the only home of the OpenTelemetry SDK and the place
// where logging is set up.
package telemetry

import (
	"log/slog"

	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// Settings is what every component is built with besides its Config: where it
// logs, traces and counts. Every field is set.
type Settings struct {
	Logger *slog.Logger
	Tracer trace.TracerProvider
	Meter  metric.MeterProvider
}

// Nop returns Settings that go nowhere, for tests and for telemetry that is
// switched off.
func Nop() Settings {
	return Settings{
		Logger: slog.New(slog.DiscardHandler),
		Tracer: tracenoop.NewTracerProvider(),
		Meter:  metricnoop.NewMeterProvider(),
	}
}
