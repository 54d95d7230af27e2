package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/inference/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

// described is what `valence model` prints of a manifest with these metrics.
func described(t *testing.T, metrics json.RawMessage) string {
	t.Helper()
	file := model.File{SHA256: "00ff", Bytes: 2_600_000}
	m := &model.Manifest{
		Name: "valence-test", Version: "0.1.0", GitCommit: "0123abc",
		Licence:  model.Licence{Weights: "CC-BY-NC-SA-4.0", Reason: "trained on research data"},
		Contract: model.Contract{Hash: "sha256:11ee", Text: "text a/1\naudio b/1\nvideo c/1\n"},
		Window:   model.Window{Seconds: 8, HopSeconds: 1, MaxSeconds: 12.8, ContextSeconds: 30},
		Streams: model.Streams{
			Text: model.Stream{Width: 384, MaxSteps: 64}, Audio: model.Stream{Width: 136, MaxSteps: 128, RateHz: 10},
			Video: model.Stream{Width: 64, MaxSteps: 64, RateHz: 5},
		},
		Files: map[string]model.File{
			model.TextFile: file, model.VocabFile: file, model.DetectorFile: file, model.FaceFile: file, model.FusionFile: file,
		},
		Interval: model.Calibration{Method: "split conformal", Levels: []float64{0.8, 0.9}},
		Metrics:  metrics,
		Data:     json.RawMessage(`{"ravdess/*.flac": "sha256:22", "mosi/segments.csv": "sha256:33"}`),
	}
	var out bytes.Buffer
	require.NoError(t, describe(&out, m))
	return out.String()
}

func TestTheModelShowsItsKeyFigures(t *testing.T) {
	metrics, err := os.ReadFile(filepath.Join("testdata", "metrics.json"))
	require.NoError(t, err)
	got := described(t, metrics)
	golden := filepath.Join("testdata", "model.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "go test ./cmd/valence -update writes it")
}

func TestFiguresThatAManifestLacksAreNotMeasured(t *testing.T) {
	for name, metrics := range map[string]string{
		"none":                  ``,
		"null":                  `null`,
		"empty":                 `{}`,
		"no object":             `[1, 2]`,
		"parts of another kind": `{"mosi_text": 3, "speech": [], "faces": "good", "patterns": null, "pooled": 1, "stream": {}, "text_seeds": []}`,
	} {
		t.Run(name, func(t *testing.T) {
			got := described(t, json.RawMessage(metrics))
			for _, part := range []string{"words", "voice", "face", "intervals", "as a stream"} {
				assert.Regexp(t, `(?m)^`+part+`\b.*not measured$`, got)
			}
			assert.Contains(t, got, "checked")
		})
	}
}

func TestTheModelInsideTheProgramHasFiguresToShow(t *testing.T) {
	files, err := model.Default()
	require.NoError(t, err)
	bundle, err := model.Open(files)
	require.NoError(t, err)
	f := readFigures(bundle.Manifest.Metrics)
	require.NotNil(t, f.text)
	assert.Contains(t, f.text.Whole, "mae")
	require.NotNil(t, f.face)
	assert.Contains(t, f.speech, "ravdess")
	for _, p := range model.Patterns() {
		assert.NotEmpty(t, f.quality[model.Pattern(p)].Intervals, p)
	}
}
