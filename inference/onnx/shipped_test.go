package onnx_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/inference/onnx"
	"github.com/valence-live/valence/ingest"
)

// shippedPredictor is that of the bundle that is built into the program.
func shippedPredictor(t *testing.T) (*onnx.Predictor, *model.Manifest) {
	t.Helper()
	shipped(t, model.ManifestFile, model.FusionFile)
	fsys, err := model.Default()
	require.NoError(t, err)
	bundle, err := model.Open(fsys)
	require.NoError(t, err)
	p, err := openRuntime(t).Predictor(bundle)
	require.NoError(t, err)
	return p, bundle.Manifest
}

// randomWindows returns windows of random vectors: all patterns of present
// streams, lengths and gaps, with and without something said before.
func randomWindows(t *testing.T, m *model.Manifest, n int) []*features.Window {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	windows := make([]*features.Window, n)
	for k := range windows {
		w := window(t)
		w.End = w.Start.Add(time.Duration(m.Window.Seconds * float64(time.Second)))
		streams := [ingest.NumModalities]*[]features.Vector{&w.Text, &w.Audio, &w.Video}
		for _, modality := range ingest.Modalities() {
			s := m.Streams.Of(modality)
			if (k%7+1)>>modality&1 == 0 {
				continue
			}
			steps := 1 + random.IntN(s.MaxSteps)
			if s.RateHz > 0 {
				steps = 1 + random.IntN(int(m.Window.Seconds*s.RateHz))
			}
			for i := range steps {
				v := vector(modality, time.Duration(i)*s.Step(), s.Width, 0)
				for j := range v.Values {
					v.Values[j] = float32(random.NormFloat64())
				}
				if modality == ingest.Text {
					v.Weight = 0.05 + random.Float32()
				}
				if i == 0 || random.IntN(4) > 0 {
					*streams[modality] = append(*streams[modality], v)
				}
			}
			w.Streams[modality] = features.Stream{Present: true, Coverage: 1}
		}
		if k%3 > 0 {
			w.Before = features.Before{Values: vector(ingest.Text, 0, m.Streams.Text.Width, float32(random.NormFloat64())).Values, Seconds: 30 * random.Float32()}
		}
		windows[k] = w
	}
	return windows
}

func TestShippedNetGivesABatchWhatItGivesEachWindowAlone(t *testing.T) {
	p, m := shippedPredictor(t)
	windows := randomWindows(t, m, 21)
	for i, r := range p.Predict(t.Context(), windows) {
		require.NoError(t, r.Err)
		alone := scoreOne(t, p, windows[i])
		assert.InDelta(t, alone.Value, r.Score.Value, 1e-5)
		assert.InDelta(t, alone.Interval.High, r.Score.Interval.High, 1e-4)
		for _, modality := range ingest.Modalities() {
			assert.InDelta(t, alone.Streams[modality].Value, r.Score.Streams[modality].Value, 1e-5)
			assert.InDelta(t, alone.Streams[modality].Weight, r.Score.Streams[modality].Weight, 1e-5)
		}
	}
}

func TestShippedNetGivesScoresThatMakeSense(t *testing.T) {
	p, m := shippedPredictor(t)
	for _, w := range randomWindows(t, m, 14) {
		s := scoreOne(t, p, w)
		assert.LessOrEqual(t, math.Abs(s.Value), 1.0)
		assert.LessOrEqual(t, s.Interval.Low, s.Value)
		assert.GreaterOrEqual(t, s.Interval.High, s.Value)
		var weights, probabilities float64
		for _, c := range s.Streams {
			weights += c.Weight
		}
		for _, x := range s.Probabilities {
			probabilities += x
		}
		assert.InDelta(t, 1, weights, 1e-9)
		assert.InDelta(t, 1, probabilities, 1e-9)
		assert.Len(t, s.Attention, min(len(w.Text), m.Streams.Text.MaxSteps))
	}
}

func TestShippedNetsGiveTheSameBitsWhoeverElseIsRunning(t *testing.T) {
	p, m := shippedPredictor(t)
	windows := randomWindows(t, m, 7)
	var want []inference.Score
	for _, w := range windows {
		want = append(want, scoreOne(t, p, w))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, w := range windows {
				r := p.Predict(t.Context(), []*features.Window{w})[0]
				r.Score.Inference = want[i].Inference
				assert.Equal(t, inference.Result{Score: want[i]}, r)
			}
		})
	}
	wg.Wait()
}

func TestShippedTextEncoderGivesTheSameBitsWhoeverElseIsRunning(t *testing.T) {
	const width = 384
	e, err := openRuntime(t).TextEncoder(shipped(t, model.TextFile)[0], width)
	require.NoError(t, err)
	encode := func(n int) []float32 {
		ids, vectors := make([]int64, n), make([]float32, n*width)
		for i := range ids {
			ids[i] = int64(1000 + 37*i)
		}
		if encoding := e.EncodeTokens(ids, vectors); encoding != nil {
			t.Error(encoding)
		}
		return vectors
	}
	lengths := []int{3, 17, 40}
	want := [][]float32{encode(lengths[0]), encode(lengths[1]), encode(lengths[2])}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range lengths {
				k := (i + g) % len(lengths)
				assert.Equal(t, want[k], encode(lengths[k]))
			}
		})
	}
	wg.Wait()
}
