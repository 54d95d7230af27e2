package batch_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/valence-live/valence/inference/batch"
	"github.com/valence-live/valence/internal/telemetry"
)

// recorder keeps what is told to it, in place of an SDK.
type recorder struct {
	tracenoop.TracerProvider
	tracenoop.Tracer
	metricnoop.MeterProvider
	metricnoop.Meter

	mu     sync.Mutex
	spans  []trace.SpanConfig
	names  []string
	values map[string][]float64
}

func (r *recorder) settings() telemetry.Settings {
	set := telemetry.Nop()
	set.Tracer, set.Meter = tracerProvider{r}, meterProvider{r}
	return set
}

type tracerProvider struct{ *recorder }

func (p tracerProvider) Tracer(string, ...trace.TracerOption) trace.Tracer { return p.recorder }

type meterProvider struct{ *recorder }

func (p meterProvider) Meter(string, ...metric.MeterOption) metric.Meter { return p.recorder }

func (r *recorder) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = append(r.names, name)
	r.spans = append(r.spans, trace.NewSpanStartConfig(options...))
	return ctx, tracenoop.Span{}
}

func (r *recorder) Int64Histogram(name string, _ ...metric.Int64HistogramOption) (metric.Int64Histogram, error) {
	return sizes{recorder: r, name: name}, nil
}

func (r *recorder) Float64Histogram(name string, _ ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return seconds{recorder: r, name: name}, nil
}

func (r *recorder) add(name string, value float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values[name] = append(r.values[name], value)
}

type sizes struct {
	metricnoop.Int64Histogram
	*recorder
	name string
}

func (s sizes) Record(_ context.Context, n int64, _ ...metric.RecordOption) {
	s.add(s.name, float64(n))
}

type seconds struct {
	metricnoop.Float64Histogram
	*recorder
	name string
}

func (s seconds) Record(_ context.Context, x float64, _ ...metric.RecordOption) { s.add(s.name, x) }

// windowSpan is that of a window that is being recorded.
type windowSpan struct {
	tracenoop.Span
	context trace.SpanContext
}

func (s windowSpan) IsRecording() bool              { return true }
func (s windowSpan) SpanContext() trace.SpanContext { return s.context }

func traced(ctx context.Context, id byte) context.Context {
	return trace.ContextWithSpan(ctx, windowSpan{context: trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{id}, SpanID: trace.SpanID{id}, TraceFlags: trace.FlagsSampled,
	})})
}

func TestBatchTellsItsSizeAndHowLongItsWindowsWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{values: map[string][]float64{}}
		b, err := batch.New(batch.Config{MaxSize: 3, MaxDelay: 8 * ms, Workers: 1}, r.settings(), &predictor{})
		require.NoError(t, err)
		w := people(t, 2)
		first := ask(t.Context(), b, w[0])
		time.Sleep(2 * ms)
		second := ask(t.Context(), b, w[1])
		require.NoError(t, (<-first).err)
		require.NoError(t, (<-second).err)
		assert.Equal(t, map[string][]float64{"valence.batch.size": {2}, "valence.batch.queue.duration": {0.008, 0.006}}, r.values)
		assert.Empty(t, r.names, "without a recorded window there is no span")
	})
}

func TestBatchSpanIsLinkedToItsWindowsAndChildOfNone(t *testing.T) {
	for _, size := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			r := &recorder{values: map[string][]float64{}}
			b, err := batch.New(batch.Config{MaxSize: size, MaxDelay: time.Second, Workers: 1}, r.settings(), &predictor{})
			require.NoError(t, err)
			var answers []<-chan answer
			for i, w := range people(t, size) {
				answers = append(answers, ask(traced(t.Context(), byte(i+1)), b, w))
				synctest.Wait()
			}
			for _, c := range answers {
				require.NoError(t, (<-c).err)
			}
			require.Equal(t, []string{"score batch"}, r.names)
			assert.True(t, r.spans[0].NewRoot())
			links := r.spans[0].Links()
			require.Len(t, links, size)
			for i, link := range links {
				assert.Equal(t, trace.TraceID{byte(i + 1)}, link.SpanContext.TraceID())
			}
		})
	}
}
