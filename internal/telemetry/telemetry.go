package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"

	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
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
// OTEL_SDK_DISABLED=true switches everything off. The destination "console" is
// terminal, which gets whole lines; what goes wrong on the way goes to logger.
func Start(ctx context.Context, logger *slog.Logger, terminal io.Writer, version string) (set Settings, stop func(context.Context) error, err error) {
	return start(ctx, logger, terminal, version, wanted("METRICS"), nil)
}

// StartServer is Start for a program that is also scraped: the handler serves
// the metrics as Prometheus and OpenMetrics, those of the process and of Go's
// runtime besides, whether the environment names a destination or not. Its terminal is stderr.
func StartServer(ctx context.Context, logger *slog.Logger, version string) (set Settings, metrics http.Handler, stop func(context.Context) error, err error) {
	if disabled() {
		set, stop, err = start(ctx, logger, os.Stderr, version, false, nil)
		return set, nil, stop, err
	}
	registry := prom.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := prometheus.New(prometheus.WithRegisterer(registry))
	if err != nil {
		return Nop(), nil, func(context.Context) error { return nil }, fmt.Errorf("set up the scraping of metrics: %w", err)
	}
	set, stop, err = start(ctx, logger, os.Stderr, version, wanted("METRICS"), reader)
	return set, promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}), stop, err
}

// start sets up what is wanted; scraped, if not nil, reads the metrics too.
func start(ctx context.Context, logger *slog.Logger, terminal io.Writer, version string, pushed bool, scraped sdkmetric.Reader) (set Settings, stop func(context.Context) error, err error) {
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
	traces := wanted("TRACES")
	if disabled() || !traces && !pushed && scraped == nil {
		return set, stop, nil
	}
	complain(ctx, logger)
	res, err := resource.New(ctx, resource.WithAttributes(serviceAttributes(version)...), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return set, stop, fmt.Errorf("describe this process for OpenTelemetry: %w", err)
	}
	if traces {
		exporter, err := newSpanExporter(ctx, terminal)
		if err != nil {
			return set, stop, fmt.Errorf("set up traces (OTEL_TRACES_EXPORTER): %w", err)
		}
		provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
		set.Tracer = provider
		stops = append(stops, provider.Shutdown)
	}
	options := []sdkmetric.Option{sdkmetric.WithResource(res)}
	if scraped != nil {
		options = append(options, sdkmetric.WithReader(scraped))
	}
	if pushed {
		reader, err := newMetricReader(ctx, terminal)
		if err != nil {
			return set, stop, errors.Join(fmt.Errorf("set up metrics (OTEL_METRICS_EXPORTER): %w", err), stop(ctx))
		}
		options = append(options, sdkmetric.WithReader(reader))
	}
	if pushed || scraped != nil {
		provider := sdkmetric.NewMeterProvider(options...)
		set.Meter = provider
		stops = append(stops, provider.Shutdown)
	}
	return set, stop, nil
}

// disabled reports whether the environment switches everything off.
func disabled() bool { return strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") }

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
