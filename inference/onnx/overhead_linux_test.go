package onnx_test

import (
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/valence-live/valence/features"
)

// BenchmarkOverhead compares Predict with ONNX Runtime alone in turns on one
// thread and by the thread's own CPU time, so that a busy machine disturbs both
// alike. It reports the median of each and raw / Predict: the share of the CPU
// that the network gets, of what the pipeline spends on inference.
func BenchmarkOverhead(b *testing.B) {
	bundle := benchBundle(b)
	p, err := openRuntime(b).Predictor(bundle)
	require.NoError(b, err)
	windows := [2][]*features.Window{{fullWindow(b, bundle.Manifest, 20)}, {fullWindow(b, bundle.Manifest, 21)}}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var raws, predicts []float64
	predict := func(i int) {
		begin := cpu(b)
		err := p.Predict(b.Context(), windows[i%2])[0].Err
		predicts = append(predicts, float64(cpu(b)-begin))
		require.NoError(b, err)
	}
	raw := func() {
		run, done, err := p.RunRaw()
		require.NoError(b, err)
		defer done()
		begin := cpu(b)
		err = run()
		raws = append(raws, float64(cpu(b)-begin))
		require.NoError(b, err)
	}
	predict(0) // binds
	for i := 0; b.Loop(); i++ {
		// Who comes second finds the weights in the cache: take turns.
		if i%4 < 2 {
			predict(i)
			raw()
		} else {
			raw()
			predict(i)
		}
	}
	median := func(x []float64) float64 {
		slices.Sort(x)
		return x[len(x)/2]
	}
	b.ReportMetric(median(predicts), "predict-cpu-ns")
	b.ReportMetric(median(raws), "raw-cpu-ns")
	b.ReportMetric(100*median(raws)/median(predicts), "%raw/predict")
	b.ReportMetric(0, "ns/op")
}

// cpu returns the CPU time of this thread in nanoseconds.
func cpu(b *testing.B) int64 {
	b.Helper()
	var t unix.Timespec
	require.NoError(b, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t))
	return t.Nano()
}
