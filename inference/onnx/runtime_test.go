package onnx_test

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/inference/onnx"
)

func TestRuntimeThatIsClosedAnswersWithAnError(t *testing.T) {
	r, err := onnx.Open(onnx.Config{})
	require.NoError(t, err)
	assert.Equal(t, onnx.Version, r.Version())
	bundle := tiny(t)
	p, err := r.Predictor(bundle)
	require.NoError(t, err)
	text, err := r.TextEncoder(read(t, model.TextFile), 4)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close(), "closing twice is harmless")

	require.ErrorIs(t, p.Predict(t.Context(), []*features.Window{window(t, tokens(1))})[0].Err, onnx.ErrClosed)
	require.ErrorIs(t, text.EncodeTokens([]int64{1}, make([]float32, 4)), onnx.ErrClosed)
	_, err = r.Predictor(bundle)
	require.ErrorIs(t, err, onnx.ErrClosed)
}

func TestCloseWaitsForTheCallsThatAreRunning(t *testing.T) {
	r, err := onnx.Open(onnx.Config{})
	require.NoError(t, err)
	p, err := r.Predictor(tiny(t))
	require.NoError(t, err)
	var wg sync.WaitGroup
	begun := make(chan struct{}, 8)
	for range 8 {
		wg.Go(func() {
			begun <- struct{}{}
			for {
				if err := p.Predict(t.Context(), []*features.Window{window(t, tokens(1))})[0].Err; err != nil {
					assert.ErrorIs(t, err, onnx.ErrClosed)
					return
				}
			}
		})
	}
	<-begun
	require.NoError(t, r.Close())
	wg.Wait()
}

func TestRuntimesShareTheLibrary(t *testing.T) {
	a, err := onnx.Open(onnx.Config{})
	require.NoError(t, err)
	b := openRuntime(t)
	require.NoError(t, a.Close())
	p, err := b.Predictor(tiny(t))
	require.NoError(t, err)
	assert.InDelta(t, 1.0/3, scoreOne(t, p, window(t, tokens(1))).Value, 1e-6)
}

func TestLibraryThatCannotBeLoadedIsAnErrorThatSaysWhatToDo(t *testing.T) {
	folder := t.TempDir()
	t.Run("nowhere", func(t *testing.T) {
		t.Setenv("VALENCE_CACHE", folder)
		_, err := onnx.Open(onnx.Config{})
		require.ErrorIs(t, err, onnx.ErrLibrary)
		require.ErrorContains(t, err, filepath.Join(folder, "onnxruntime", onnx.Version, "libonnxruntime.so"))
		require.ErrorContains(t, err, "run scripts/setup-onnxruntime.sh")
	})
	t.Run("configured but missing", func(t *testing.T) {
		_, err := onnx.Open(onnx.Config{Library: filepath.Join(folder, "none.so")})
		require.ErrorIs(t, err, onnx.ErrLibrary)
		require.ErrorIs(t, err, os.ErrNotExist)
		require.ErrorContains(t, err, "inference.library")
	})
	t.Run("a folder", func(t *testing.T) {
		_, err := onnx.Open(onnx.Config{Library: folder})
		require.ErrorIs(t, err, onnx.ErrLibrary)
	})
	t.Run("not a library", func(t *testing.T) {
		path := filepath.Join(folder, "libonnxruntime.so")
		require.NoError(t, os.WriteFile(path, []byte("text"), 0o600))
		_, err := onnx.Open(onnx.Config{Library: path})
		require.ErrorIs(t, err, onnx.ErrLibrary)
		require.ErrorContains(t, err, "scripts/setup-onnxruntime.sh")
	})
	t.Run("another one than the loaded", func(t *testing.T) {
		openRuntime(t)
		path := filepath.Join(folder, "libonnxruntime.so")
		_, err := onnx.Open(onnx.Config{Library: path})
		require.ErrorIs(t, err, onnx.ErrLibrary)
		require.ErrorContains(t, err, "this process has loaded")
	})
}

func TestRunsDoNotLeak(t *testing.T) {
	r := openRuntime(t)
	p, err := r.Predictor(tiny(t))
	require.NoError(t, err)
	text, err := r.TextEncoder(read(t, model.TextFile), 4)
	require.NoError(t, err)
	vectors := make([]float32, onnx.MaxTokens*4)
	windows := []*features.Window{
		window(t, tokens(1, 2, 3), sound(1, 0, 500*ms), faces(1, 0)),
		window(t, tokens(1)),
		window(t, sound(1, 900*ms), faces(1, 200*ms)),
	}
	runs := func(n int) {
		for i := range n {
			p.Predict(t.Context(), windows[:1+i%3])
			p.Predict(t.Context(), windows[i%3:i%3+1])
			require.NoError(t, text.EncodeTokens(make([]int64, 1+i%onnx.MaxTokens), vectors))
		}
	}
	runs(4000) // every extent has been seen, the heap has its size
	before := resident(t)
	runs(2000)
	assert.Less(t, resident(t)-before, 2<<20, "bytes of resident memory that 2000 rounds have added")
}

// resident returns the memory of this process in bytes.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("this system does not say how much memory a process has")
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}
