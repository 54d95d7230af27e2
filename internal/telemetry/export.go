package telemetry

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// console is the destination that a person reads. The specification calls it
// the standard output; there the events go.
const console = "console"

// newSpanExporter returns what OTEL_TRACES_EXPORTER names.
func newSpanExporter(ctx context.Context, terminal io.Writer) (sdktrace.SpanExporter, error) {
	if os.Getenv("OTEL_TRACES_EXPORTER") == console {
		return stdouttrace.New(stdouttrace.WithWriter(terminal))
	}
	return autoexport.NewSpanExporter(ctx)
}

// newMetricReader returns what OTEL_METRICS_EXPORTER names.
func newMetricReader(ctx context.Context, terminal io.Writer) (sdkmetric.Reader, error) {
	if os.Getenv("OTEL_METRICS_EXPORTER") == console {
		exporter, err := stdoutmetric.New(stdoutmetric.WithWriter(terminal))
		if err != nil {
			return nil, err
		}
		return sdkmetric.NewPeriodicReader(exporter), nil
	}
	return autoexport.NewMetricReader(ctx)
}

// complain has the SDK's own troubles logged like everybody's. It knows one
// place for them in a process, so the newest run's logger gets them all.
func complain(ctx context.Context, logger *slog.Logger) {
	trouble := NewTrouble(logger, "telemetry is in trouble")
	ctx = context.WithoutCancel(ctx)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { trouble.Warn(ctx, err) }))
	otel.SetLogger(logr.FromSlogHandler(logger.Handler())) // settings that it cannot read
}
