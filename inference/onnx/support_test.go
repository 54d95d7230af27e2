package onnx_test

import (
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/inference/onnx"
	"github.com/valence-live/valence/ingest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tinyBundle holds networks whose answers can be worked out by hand.
const tinyBundle = "../model/testdata/bundle"

func openRuntime(tb testing.TB) *onnx.Runtime {
	tb.Helper()
	r, err := onnx.Open(onnx.Config{})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, r.Close()) })
	return r
}

func tiny(tb testing.TB) *model.Bundle {
	tb.Helper()
	b, err := model.Open(os.DirFS(tinyBundle))
	require.NoError(tb, err)
	return b
}

// shipped returns files of the bundle that is built into the program.
func shipped(tb testing.TB, names ...string) [][]byte {
	tb.Helper()
	fsys, err := model.Default()
	require.NoError(tb, err)
	files := make([][]byte, len(names))
	for i, name := range names {
		files[i], err = fs.ReadFile(fsys, name)
		require.NoError(tb, err)
	}
	return files
}

// epoch is when the windows of the tests begin.
var epoch = time.Unix(1000, 0).UTC() //nolint:gochecknoglobals // a constant of another type

// window returns one of a second, of a person called alice, with what the
// options put into it.
func window(tb testing.TB, parts ...func(*features.Window)) *features.Window {
	tb.Helper()
	alice, err := ingest.NewParticipant("call", "alice")
	require.NoError(tb, err)
	w := &features.Window{Participant: alice, Kind: features.Sliding, Start: epoch, From: epoch, End: epoch.Add(time.Second), State: features.Final, Revision: 1}
	for _, part := range parts {
		part(w)
	}
	return w
}

// vector returns one of a constant value, beginning at an offset from the
// window's start.
func vector(m ingest.Modality, at time.Duration, width int, value float32) features.Vector {
	values := make([]float32, width)
	for i := range values {
		values[i] = value
	}
	return features.Vector{Modality: m, Start: epoch.Add(at), Values: values}
}

// tokens adds text of one token for each value, of which each stands for a
// second.
func tokens(values ...float32) func(*features.Window) {
	return func(w *features.Window) {
		for i, v := range values {
			token := vector(ingest.Text, time.Duration(i)*time.Millisecond, 4, v)
			token.Weight = 1
			w.Text = append(w.Text, token)
		}
		w.Streams[ingest.Text] = features.Stream{Present: true, Coverage: 1}
	}
}

// standing lets the tokens stand for so many seconds instead.
func standing(seconds ...float32) func(*features.Window) {
	return func(w *features.Window) {
		for i, s := range seconds {
			w.Text[i].Weight = s
		}
	}
}

// before adds what was said before the window.
func before(value, seconds float32) func(*features.Window) {
	return func(w *features.Window) {
		w.Before = features.Before{Values: vector(ingest.Text, 0, 4, value).Values, Seconds: seconds}
	}
}

// sound adds one audio vector at each offset.
func sound(value float32, at ...time.Duration) func(*features.Window) {
	return func(w *features.Window) {
		for _, d := range at {
			w.Audio = append(w.Audio, vector(ingest.Audio, d, 3, value))
		}
		w.Streams[ingest.Audio] = features.Stream{Present: true, Coverage: 1}
	}
}

// faces adds one video vector at each offset.
func faces(value float32, at ...time.Duration) func(*features.Window) {
	return func(w *features.Window) {
		for _, d := range at {
			w.Video = append(w.Video, vector(ingest.Video, d, 2, value))
		}
		w.Streams[ingest.Video] = features.Stream{Present: true, Coverage: 1}
	}
}
