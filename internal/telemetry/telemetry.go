package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// ErrConfig says that a log or telemetry setting cannot be used.
var ErrConfig = errors.New("telemetry configuration")

// Config is how the program logs. Traces and metrics are configured by the
// standard OTEL_* environment variables alone.
type Config struct {
	// Level is the least severe level that is logged: debug, info, warn, error.
	Level string `yaml:"level"`
	// Format is text (for people) or json (for log collectors).
	Format string `yaml:"format"`
}

// Default logs what an operator should see, for people.
func Default() Config { return Config{Level: "info", Format: "text"} }

// Validate reports every unusable value.
func (c Config) Validate() error {
	var errs []error
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		errs = append(errs, fmt.Errorf("%w: log.level %q: use debug, info, warn or error", ErrConfig, c.Level))
	}
	if c.Format != "text" && c.Format != "json" {
		errs = append(errs, fmt.Errorf("%w: log.format %q: use text or json", ErrConfig, c.Format))
	}
	return errors.Join(errs...)
}

// NewLogger returns the program's logger.
func NewLogger(c Config, w io.Writer) (*slog.Logger, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, fmt.Errorf("%w: log.level %q: %w", ErrConfig, c.Level, err)
	}
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return slog.New(slog.NewTextHandler(w, opts)), nil
}

// Start returns the Settings of a run, and how to flush and stop them.
//
// Traces and metrics go where the standard variables say (OpenTelemetry
// specification, "Environment Variable Specification"): OTEL_TRACES_EXPORTER,
// OTEL_METRICS_EXPORTER, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER and
// so on. Where none of them names a destination nothing is recorded, and
// OTEL_SDK_DISABLED=true switches everything off.
func Start(ctx context.Context, logger *slog.Logger, version string) (set Settings, stop func(context.Context) error, err error) {
	set = Nop()
	set.Logger = logger
	var stops []func(context.Context) error
	stop = func(ctx context.Context) error {
		var errs []error
		for _, s := range stops {
			errs = append(errs, s(ctx))
		}
		return errors.Join(errs...)
	}
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return set, stop, nil
	}
	traces, metrics := wanted("TRACES"), wanted("METRICS")
	if !traces && !metrics {
		return set, stop, nil
	}
	res, err := resource.New(ctx, resource.WithAttributes(serviceAttributes(version)...), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return set, stop, fmt.Errorf("describe this process for OpenTelemetry: %w", err)
	}
	if traces {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return set, stop, fmt.Errorf("set up traces (OTEL_TRACES_EXPORTER): %w", err)
		}
		provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
		set.Tracer = provider
		stops = append(stops, provider.Shutdown)
	}
	if metrics {
		reader, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return set, stop, errors.Join(fmt.Errorf("set up metrics (OTEL_METRICS_EXPORTER): %w", err), stop(ctx))
		}
		provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(res))
		set.Meter = provider
		stops = append(stops, provider.Shutdown)
	}
	return set, stop, nil
}

// wanted reports whether the environment names a destination for a signal
// ("TRACES" or "METRICS").
func wanted(signal string) bool {
	if exporter, ok := os.LookupEnv("OTEL_" + signal + "_EXPORTER"); ok && exporter != "" {
		return exporter != "none"
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
}

// Traceparent returns the W3C trace context of the span in ctx, or "" where
// nothing is recorded.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier.Get("traceparent")
}
