package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/valence-live/valence/ingest"
)

// ManifestFile is the name of the manifest within a bundle.
const ManifestFile = "manifest.json"

// Schema is the version of the manifest that this program reads.
const Schema = 2

// The other files of a bundle. Fusion scores windows; the rest turn samples
// into vectors.
const (
	FusionFile   = "fusion.onnx"
	TextFile     = "text.onnx"
	VocabFile    = "vocab.txt"
	FaceFile     = "face.onnx"
	DetectorFile = "detector.onnx"
)

// Manifest says what a bundle is: which files belong to it, which features it
// was trained on, what its tensors are and how it is calibrated. The training
// writes it; it is read-only here.
type Manifest struct {
	Schema    int     `json:"schema"`
	Name      string  `json:"name"`
	Version   string  `json:"version"`
	GitCommit string  `json:"git_commit"`
	Licence   Licence `json:"licence"`
	// Contract is that of the features in the training data.
	Contract Contract `json:"contract"`
	// Modalities and Polarities are the order of the tensors' axes.
	Modalities []string `json:"modalities"`
	Polarities []string `json:"polarities"`
	// ScoreScale is the largest score: scores are in [-ScoreScale, ScoreScale].
	ScoreScale float64 `json:"score_scale"`
	// NeutralBand is how far from 0 a score still counts as neutral.
	NeutralBand float64 `json:"neutral_band"`
	Window      Window  `json:"window"`
	Streams     Streams `json:"streams"`
	// Files are all files of the bundle but the manifest, by name.
	Files    map[string]File `json:"files"`
	Graphs   Graphs          `json:"graphs"`
	Interval Calibration     `json:"interval"`
	// PolarityTemperature has already been applied inside the graph.
	PolarityTemperature float64 `json:"polarity_temperature"`
	// Metrics is for people: how good the model is, on what.
	Metrics json.RawMessage `json:"metrics"`
	// Data is for people: the hashes of what the model was trained on.
	Data json.RawMessage `json:"data"`
}

// Licence says on which terms the weights may be used.
type Licence struct {
	Weights string `json:"weights"`
	Reason  string `json:"reason"`
	File    string `json:"file"`
}

// Contract is a features.Contract as training saw it.
type Contract struct {
	Hash string `json:"hash"`
	Text string `json:"text"`
}

// Window is the length of the windows that the model was trained on, in seconds.
type Window struct {
	Seconds    float64 `json:"seconds"`
	HopSeconds float64 `json:"hop_seconds"`
	// MaxSeconds is the longest window that the model can take.
	MaxSeconds float64 `json:"max_seconds"`
	// ContextSeconds is how long before a window the model hears what was said.
	ContextSeconds float64 `json:"context_seconds"`
}

// Longest is MaxSeconds.
func (w Window) Longest() time.Duration { return duration(w.MaxSeconds) }

// Context is ContextSeconds.
func (w Window) Context() time.Duration { return duration(w.ContextSeconds) }

func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

// Streams are the three streams of a window.
type Streams struct {
	Text  Stream `json:"text"`
	Audio Stream `json:"audio"`
	Video Stream `json:"video"`
}

// Of returns the stream of one modality.
func (s Streams) Of(m ingest.Modality) Stream {
	return [ingest.NumModalities]Stream{ingest.Text: s.Text, ingest.Audio: s.Audio, ingest.Video: s.Video}[m]
}

// Stream is the size of one stream's tensor.
type Stream struct {
	Width    int     `json:"width"`     // numbers in a vector
	MaxSteps int     `json:"max_steps"` // vectors in a window
	RateHz   float64 `json:"rate_hz"`   // vectors a second; 0 for tokens
}

// Step is the time between two vectors; 0 for tokens.
func (s Stream) Step() time.Duration {
	if s.RateHz == 0 {
		return 0
	}
	return time.Duration(math.Round(float64(time.Second) / s.RateHz))
}

// File pins the content of a file.
type File struct {
	SHA256 string `json:"sha256"` // hexadecimal
	Bytes  int64  `json:"bytes"`
}

// Graphs are the networks of a bundle.
type Graphs struct {
	Fusion   Graph `json:"fusion"`
	Text     Graph `json:"text"`
	Face     Graph `json:"face"`
	Detector Graph `json:"detector"`
}

// Graph is one network.
type Graph struct {
	File      string   `json:"file"`
	Opset     int      `json:"opset"`
	Precision string   `json:"precision"`
	Inputs    []Tensor `json:"inputs"`
	Outputs   []Tensor `json:"outputs"`
}

// Signature returns what the manifest says that the graph takes and gives.
func (g Graph) Signature() Signature { return Signature{Inputs: g.Inputs, Outputs: g.Outputs} }

// Calibration makes an interval of a score and its log_b: score ± q * exp(log_b),
// where q belongs to the level and to the streams that were present (split
// conformal prediction: Lei et al. 2018, arXiv:1604.04173).
type Calibration struct {
	Method string `json:"method"`
	// Levels are ascending; Quantiles has one q for each of them under the key
	// of each pattern, as Pattern spells it.
	Levels    []float64            `json:"levels"`
	Quantiles map[string][]float64 `json:"quantiles"`
}

// maxManifest bounds what is read of a manifest, in bytes.
const maxManifest = 1 << 20

// ParseManifest reads a manifest strictly, and checks everything about it that
// needs no other file. All faults are reported at once; the errors wrap
// ErrManifest.
func ParseManifest(r io.Reader) (*Manifest, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s cannot be read: %w", ErrManifest, ManifestFile, err)
	case len(data) > maxManifest:
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrManifest, ManifestFile, maxManifest)
	}
	// The schema first: a newer manifest is better told by its number than by
	// the first field that is new.
	var head struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err == nil && head.Schema != Schema {
		return nil, fmt.Errorf("%w: %s: schema is %d, this program reads %d; use a bundle and a program of the same time", ErrManifest, ManifestFile, head.Schema, Schema)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var m Manifest
	if err := decoder.Decode(&m); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrManifest, ManifestFile, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %s: something follows the manifest at byte %d", ErrManifest, ManifestFile, decoder.InputOffset())
	}
	if err := m.validate(); err != nil {
		return nil, err
	}
	return &m, nil
}
