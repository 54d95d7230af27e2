package onnx_test

import (
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/ingest"
)

// benchBundle is the bundle that is built into the program, or the tiny one
// where that has no manifest yet.
func benchBundle(b *testing.B) *model.Bundle {
	b.Helper()
	fsys, err := model.Default()
	require.NoError(b, err)
	if _, err = fs.Stat(fsys, model.ManifestFile); err != nil {
		b.Log("the default bundle is not complete: this measures the tiny one")
		return tiny(b)
	}
	bundle, err := model.Open(fsys)
	require.NoError(b, err)
	return bundle
}

// fullWindow has n tokens after 20 s of speech, and a vector for every step of
// audio and video.
func fullWindow(b *testing.B, m *model.Manifest, n int) *features.Window {
	b.Helper()
	w := window(b)
	w.End = w.Start.Add(time.Duration(m.Window.Seconds * float64(time.Second)))
	streams := [ingest.NumModalities]*[]features.Vector{&w.Text, &w.Audio, &w.Video}
	for _, modality := range ingest.Modalities() {
		s := m.Streams.Of(modality)
		steps := n
		if s.RateHz > 0 {
			steps = int(m.Window.Seconds * s.RateHz)
		}
		for i := range steps {
			v := vector(modality, time.Duration(i)*s.Step(), s.Width, float32(i%5)/5)
			if modality == ingest.Text {
				v.Weight = 0.25
			}
			*streams[modality] = append(*streams[modality], v)
		}
		w.Streams[modality] = features.Stream{Present: true, Coverage: 1}
	}
	w.Before = features.Before{Values: make([]float32, m.Streams.Text.Width), Seconds: 20}
	return w
}

// BenchmarkPredict measures a whole window, from vectors to Score;
// BenchmarkRaw, with the same session and tensors, ONNX Runtime alone. Their
// ratio is what this package costs.
func BenchmarkPredict(b *testing.B) {
	bundle := benchBundle(b)
	p, err := openRuntime(b).Predictor(bundle)
	require.NoError(b, err)
	for _, batch := range []int{1, 8} {
		windows := make([]*features.Window, batch)
		for i := range windows {
			windows[i] = fullWindow(b, bundle.Manifest, 20)
		}
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Predict(b.Context(), windows)[0].Err; err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("batch=%d/raw", batch), func(b *testing.B) {
			run, done, err := p.RunRaw()
			require.NoError(b, err)
			defer done()
			b.ReportAllocs()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPredictChangingText rebinds the text at every run, as a live window
// does when words come and go.
func BenchmarkPredictChangingText(b *testing.B) {
	bundle := benchBundle(b)
	p, err := openRuntime(b).Predictor(bundle)
	require.NoError(b, err)
	var windows [2][]*features.Window
	for i := range windows {
		windows[i] = []*features.Window{fullWindow(b, bundle.Manifest, 20+i)}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := p.Predict(b.Context(), windows[i%2])[0].Err; err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeTokens(b *testing.B) {
	file := shipped(b, model.TextFile)[0]
	e, err := openRuntime(b).TextEncoder(file, 384)
	require.NoError(b, err)
	for _, n := range []int{8, 32} {
		ids, vectors := make([]int64, n), make([]float32, n*384)
		for i := range ids {
			ids[i] = int64(2000 + i)
		}
		b.Run(fmt.Sprintf("tokens=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := e.EncodeTokens(ids, vectors); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeFace(b *testing.B) {
	e, err := openRuntime(b).FaceEncoder(shipped(b, model.FaceFile)[0])
	require.NoError(b, err)
	crop, embedding := make([]float32, 48*48), make([]float32, 64)
	for i := range crop {
		crop[i] = float32(i % 251)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := e.EncodeFace(crop, embedding); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDetectFaces(b *testing.B) {
	d, err := openRuntime(b).FaceDetector(shipped(b, model.DetectorFile)[0])
	require.NoError(b, err)
	rgb, boxes, logits := make([]float32, 128*128*3), make([]float32, 896*16), make([]float32, 896)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.DetectFaces(rgb, boxes, logits); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen is the start of the program: checking the bundle and loading
// every network.
func BenchmarkOpen(b *testing.B) {
	files := shipped(b, model.TextFile, model.FaceFile, model.DetectorFile)
	b.ReportAllocs()
	for b.Loop() {
		bundle := benchBundle(b)
		r := openRuntime(b)
		_, err := r.TextEncoder(files[0], 384)
		require.NoError(b, err)
		_, err = r.FaceEncoder(files[1])
		require.NoError(b, err)
		_, err = r.FaceDetector(files[2])
		require.NoError(b, err)
		_, err = r.Predictor(bundle)
		require.NoError(b, err)
		require.NoError(b, r.Close())
	}
}
