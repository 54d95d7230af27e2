package onnx_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/inference/onnx"
	"github.com/valence-live/valence/ingest"
)

// golden reads a record that the training wrote beside its export.
func golden(t *testing.T, name string, record any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.NewDecoder(bytes.NewReader(data)).Decode(record))
}

// requireSameFile fails if the record was made with another file than the one
// in the bundle: then its vectors say nothing about this one.
func requireSameFile(t *testing.T, file []byte, digest string) {
	t.Helper()
	sum := sha256.Sum256(file)
	require.Equal(t, digest, hex.EncodeToString(sum[:]), "the record and the file in the bundle are of two exports: export again")
}

func TestTextEncoderAgreesWithPython(t *testing.T) {
	var record struct {
		SHA256 string `json:"sha256"`
		Cases  []struct {
			Text    string      `json:"text"`
			IDs     []int64     `json:"ids"`
			Norms   []float64   `json:"norms"`
			First   [][]float32 `json:"first"`
			Vectors [][]float32 `json:"vectors"`
		} `json:"cases"`
	}
	golden(t, "text_golden.json", &record)
	file := shipped(t, model.TextFile)[0]
	requireSameFile(t, file, record.SHA256)
	const width = 384
	encoder, err := openRuntime(t).TextEncoder(file, width)
	require.NoError(t, err)
	for _, c := range record.Cases {
		vectors := make([]float32, len(c.IDs)*width)
		require.NoError(t, encoder.EncodeTokens(c.IDs, vectors))
		for i := range c.IDs {
			v := vectors[i*width : (i+1)*width]
			assert.InEpsilon(t, c.Norms[i], math.Sqrt(dot(v, v)), 0.01, "%q, token %d", c.Text, i)
			assert.GreaterOrEqual(t, cosine(c.First[i], v[:len(c.First[i])]), 0.999, "%q, token %d", c.Text, i)
			if c.Vectors != nil {
				assert.GreaterOrEqual(t, cosine(c.Vectors[i], v), 0.999, "%q, token %d", c.Text, i)
			}
		}
	}
}

func TestFaceEncoderAgreesWithPython(t *testing.T) {
	var record struct {
		Tolerance float64 `json:"tolerance"`
		Cases     []struct {
			Index     int       `json:"index"`
			Embedding []float32 `json:"embedding"`
		} `json:"cases"`
	}
	golden(t, "face_golden.json", &record)
	encoder, err := openRuntime(t).FaceEncoder(shipped(t, model.FaceFile)[0])
	require.NoError(t, err)
	const side = 48
	for _, c := range record.Cases {
		crop := make([]float32, side*side)
		for y := range side {
			for x := range side {
				crop[y*side+x] = float32((37*x + 11*y + 7*((x*y)%29) + 53*c.Index) % 256)
			}
		}
		embedding := make([]float32, len(c.Embedding))
		require.NoError(t, encoder.EncodeFace(crop, embedding))
		assert.InDeltaSlice(t, c.Embedding, embedding, record.Tolerance, "picture %d", c.Index)
	}
}

// fusionCase is one record of the fusion net; see training/valence_training/fusion/golden.py.
type fusionCase struct {
	Pattern string                    `json:"pattern"`
	Lengths [ingest.NumModalities]int `json:"lengths"`
	Batch   int                       `json:"batch"`
	Present [ingest.NumModalities]int `json:"present"`
	Outputs map[string][]float32      `json:"outputs"`
}

func fusionGolden(t *testing.T) (p *onnx.Predictor, m *model.Manifest, cases []fusionCase, tolerance float64) {
	t.Helper()
	var record struct {
		SHA256    string       `json:"model_sha256"`
		Tolerance float64      `json:"tolerance"`
		Cases     []fusionCase `json:"cases"`
	}
	golden(t, "fusion_golden.json", &record)
	requireSameFile(t, shipped(t, model.ManifestFile, model.FusionFile)[1], record.SHA256)
	fsys, err := model.Default()
	require.NoError(t, err)
	bundle, err := model.Open(fsys)
	require.NoError(t, err)
	p, err = openRuntime(t).Predictor(bundle)
	require.NoError(t, err)
	return p, bundle.Manifest, record.Cases, record.Tolerance
}

func TestFusionNetAgreesWithPyTorch(t *testing.T) {
	p, m, cases, tolerance := fusionGolden(t)
	for _, c := range cases {
		var values, masks [ingest.NumModalities][]float32
		for _, modality := range ingest.Modalities() {
			steps := c.Batch * c.Lengths[modality]
			values[modality] = make([]float32, steps*m.Streams.Of(modality).Width)
			masks[modality] = make([]float32, steps)
			for i := range values[modality] {
				values[modality][i] = goldenValue(modality, i)
			}
			for i := range steps {
				if goldenValid(i) {
					masks[modality][i] = goldenMask(modality, i)
				}
			}
		}
		before, seconds := make([]float32, c.Batch*m.Streams.Text.Width), make([]float32, c.Batch)
		for i := range before {
			before[i] = goldenBefore(i)
		}
		for i := range seconds {
			seconds[i] = goldenSeconds(i)
		}
		present := make([]float32, 0, c.Batch*len(c.Present))
		for range c.Batch {
			for _, x := range c.Present {
				present = append(present, float32(x))
			}
		}
		got, err := p.RunTensors(c.Batch, c.Lengths, values, masks, present, before, seconds)
		require.NoError(t, err)
		for name, out := range got {
			assert.InDeltaSlice(t, c.Outputs[name], out, tolerance, "%s of %s %v", name, c.Pattern, c.Lengths)
		}
	}
}

func TestWindowBecomesTheTensorsThatTrainingSaw(t *testing.T) {
	p, m, cases, tolerance := fusionGolden(t)
	for _, c := range cases {
		if c.Batch != 1 {
			continue
		}
		w := window(t, func(w *features.Window) {
			w.End = w.Start.Add(m.Window.Longest())
		})
		streams := [ingest.NumModalities]*[]features.Vector{&w.Text, &w.Audio, &w.Video}
		for _, modality := range ingest.Modalities() {
			s := m.Streams.Of(modality)
			for i := range c.Lengths[modality] {
				v := features.Vector{Modality: modality, Start: w.Start.Add(time.Duration(i) * s.Step())}
				if goldenValid(i) {
					if modality == ingest.Text {
						v.Weight = goldenMask(modality, i)
					}
					v.Values = make([]float32, s.Width)
					for k := range v.Values {
						v.Values[k] = goldenValue(modality, i*s.Width+k)
					}
				}
				*streams[modality] = append(*streams[modality], v)
			}
			w.Streams[modality].Present = c.Present[modality] == 1
		}
		w.Before = features.Before{Values: make([]float32, m.Streams.Text.Width), Seconds: goldenSeconds(0)}
		for k := range w.Before.Values {
			w.Before.Values[k] = goldenBefore(k)
		}
		score := scoreOne(t, p, w)
		assert.InDelta(t, float64(c.Outputs["score"][0])/m.ScoreScale, score.Value, tolerance, "%s %v", c.Pattern, c.Lengths)
		for _, modality := range ingest.Modalities() {
			assert.InDelta(t, c.Outputs["modality_gate"][modality], score.Streams[modality].Weight, tolerance, "%s %v", c.Pattern, c.Lengths)
			assert.InDelta(t, float64(c.Outputs["unimodal_scores"][modality])/m.ScoreScale, score.Streams[modality].Value, tolerance, "%s %v", c.Pattern, c.Lengths)
			assert.InDelta(t, c.Outputs["polarity_probs"][modality], score.Probabilities[modality], tolerance, "%s %v", c.Pattern, c.Lengths)
		}
		if len(score.Attention) > 0 {
			assert.InDeltaSlice(t, c.Outputs["text_attn"][:len(score.Attention)], score.Attention, tolerance, "%s %v", c.Pattern, c.Lengths)
		}
	}
}

func goldenValue(m ingest.Modality, i int) float32 {
	return float32(math.Sin(0.37*float64(i)+float64(m)) * 2)
}

func goldenValid(i int) bool { return i%5 != 3 }

// goldenMask is that of a valid step.
func goldenMask(m ingest.Modality, i int) float32 {
	if m == ingest.Text {
		return float32(0.25 + 0.05*float64(i%7))
	}
	return 1
}

func goldenBefore(i int) float32 { return float32(math.Cos(0.21*float64(i)) * 1.5) }

// goldenSeconds is of the j-th window of a batch.
func goldenSeconds(j int) float32 { return 4 * float32(j+1) }

func dot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func cosine(a, b []float32) float64 { return dot(a, b) / math.Sqrt(dot(a, a)*dot(b, b)) }
