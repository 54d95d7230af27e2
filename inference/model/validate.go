package model

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/valence-live/valence/ingest"
)

// Limits keep a bundle that went wrong from asking for the machine's memory.
const (
	maxFile  = 1 << 30 // bytes
	maxWidth = 4096
	maxSteps = 1024
	// maxContext is in seconds. Text is kept for so long after it was said.
	maxContext = 300
)

var (
	hexDigest  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	polarities = []string{"negative", "neutral", "positive"}
)

// faults collects what is wrong with a manifest.
type faults []error

func (f *faults) add(ok bool, format string, args ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf("%w: %s: %s", ErrManifest, ManifestFile, fmt.Sprintf(format, args...)))
	}
}

// validate returns all faults, joined.
func (m *Manifest) validate() error {
	var f faults
	f.add(m.Name != "", "name is empty")
	f.add(m.Version != "", "version is empty")
	f.add(m.Licence.Weights != "", "licence.weights is empty: say on which terms the weights may be used")
	f.add(m.ScoreScale > 0 && m.ScoreScale < math.Inf(1), "score_scale is %v, it must be above 0", m.ScoreScale)
	f.add(m.NeutralBand >= 0 && m.NeutralBand < m.ScoreScale, "neutral_band is %v, it must be in [0, score_scale)", m.NeutralBand)
	f.add(m.PolarityTemperature > 0, "polarity_temperature is %v, it must be above 0", m.PolarityTemperature)
	sum := sha256.Sum256([]byte(m.Contract.Text))
	own := "sha256:" + hex.EncodeToString(sum[:])
	f.add(m.Contract.Hash == own, "contract.hash is %q, the hash of contract.text is %s", m.Contract.Hash, own)

	modalities := make([]string, 0, ingest.NumModalities)
	for _, modality := range ingest.Modalities() {
		modalities = append(modalities, modality.String())
		m.validateStream(&f, modality)
	}
	f.add(slices.Equal(m.Modalities, modalities), "modalities are %q, this program has %q in this order", m.Modalities, modalities)
	f.add(slices.Equal(m.Polarities, polarities), "polarities are %q, this program has %q in this order", m.Polarities, polarities)
	w := m.Window
	f.add(w.Seconds > 0 && w.HopSeconds > 0, "window.seconds and window.hop_seconds are %v and %v, they must be above 0", w.Seconds, w.HopSeconds)
	f.add(w.MaxSeconds >= w.Seconds, "window.max_seconds is %v, less than window.seconds", w.MaxSeconds)
	f.add(0 <= w.ContextSeconds && w.ContextSeconds <= maxContext, "window.context_seconds is %v, it must be 0 to %d", w.ContextSeconds, maxContext)

	m.validateFiles(&f)
	m.validateFusion(&f)
	m.validateInterval(&f)
	return errors.Join(f...)
}

func (m *Manifest) validateStream(f *faults, modality ingest.Modality) {
	s := m.Streams.Of(modality)
	f.add(1 <= s.Width && s.Width <= maxWidth, "streams.%s.width is %d, it must be 1 to %d", modality, s.Width, maxWidth)
	f.add(1 <= s.MaxSteps && s.MaxSteps <= maxSteps, "streams.%s.max_steps is %d, it must be 1 to %d", modality, s.MaxSteps, maxSteps)
	if modality == ingest.Text {
		f.add(s.RateHz == 0, "streams.text.rate_hz is %v, tokens have no rate: it must be 0", s.RateHz)
		return
	}
	f.add(s.RateHz > 0, "streams.%s.rate_hz is %v, it must be above 0", modality, s.RateHz)
	f.add(m.Window.MaxSeconds*s.RateHz <= float64(s.MaxSteps)+1e-6,
		"streams.%s.max_steps is %d, a window of window.max_seconds has %.0f steps", modality, s.MaxSteps, math.Ceil(m.Window.MaxSeconds*s.RateHz))
}

func (m *Manifest) validateFiles(f *faults) {
	for _, name := range append(graphFiles(), VocabFile) {
		_, ok := m.Files[name]
		f.add(ok, "files lacks %s", name)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		file := m.Files[name]
		f.add(path.Base(name) == name && name != ManifestFile, "files has %q: it must be the bare name of another file of the bundle", name)
		f.add(hexDigest.MatchString(file.SHA256), "files[%s].sha256 is %q, it must be 64 hexadecimal digits", name, file.SHA256)
		f.add(0 < file.Bytes && file.Bytes <= maxFile, "files[%s].bytes is %d, it must be 1 to %d", name, file.Bytes, maxFile)
	}
	for _, name := range graphFiles() {
		graph := m.graph(name)
		f.add(graph.File == name, "the graph of %s has file %q", name, graph.File)
		f.add(len(graph.Inputs) > 0 && len(graph.Outputs) > 0, "the graph of %s lacks inputs or outputs", name)
	}
}

// graphFiles are the files that hold a network.
func graphFiles() []string { return []string{FusionFile, TextFile, FaceFile, DetectorFile} }

// graph returns the network that must be in the file.
func (m *Manifest) graph(file string) Graph {
	return map[string]Graph{FusionFile: m.Graphs.Fusion, TextFile: m.Graphs.Text, FaceFile: m.Graphs.Face, DetectorFile: m.Graphs.Detector}[file]
}

// FusionSignature is the tensor contract of the fusion net: what this program
// sends and reads, with the widths of the manifest's streams.
func (m *Manifest) FusionSignature() Signature {
	const float = "float32"
	batch, three := Dim{Name: "B"}, Dim{Size: ingest.NumModalities}
	lengths := [ingest.NumModalities]Dim{{Name: "Lt"}, {Name: "La"}, {Name: "Lv"}}
	var s Signature
	for _, modality := range ingest.Modalities() {
		name, length := modality.String(), lengths[modality]
		width := Dim{Size: int64(m.Streams.Of(modality).Width)}
		s.Inputs = append(s.Inputs,
			Tensor{Name: name, DType: float, Shape: []Dim{batch, length, width}},
			Tensor{Name: name + "_mask", DType: float, Shape: []Dim{batch, length}})
	}
	s.Inputs = append(s.Inputs,
		Tensor{Name: "present", DType: float, Shape: []Dim{batch, three}},
		Tensor{Name: "before", DType: float, Shape: []Dim{batch, {Size: int64(m.Streams.Text.Width)}}},
		Tensor{Name: "before_seconds", DType: float, Shape: []Dim{batch}})
	s.Outputs = []Tensor{
		{Name: "score", DType: float, Shape: []Dim{batch}},
		{Name: "polarity_probs", DType: float, Shape: []Dim{batch, three}},
		{Name: "unimodal_scores", DType: float, Shape: []Dim{batch, three}},
		{Name: "modality_gate", DType: float, Shape: []Dim{batch, three}},
		{Name: "log_b", DType: float, Shape: []Dim{batch}},
		{Name: "text_attn", DType: float, Shape: []Dim{batch, lengths[ingest.Text]}},
	}
	return s
}

func (m *Manifest) validateFusion(f *faults) {
	err := m.Graphs.Fusion.Signature().Has(m.FusionSignature())
	f.add(err == nil, "graphs.fusion: %v", err)
}

func (m *Manifest) validateInterval(f *faults) {
	levels := m.Interval.Levels
	f.add(len(levels) > 0 && slices.IsSorted(levels), "interval.levels are %v, they must be ascending", levels)
	for _, level := range levels {
		f.add(0 < level && level < 1, "interval.levels has %v, it must be in (0, 1)", level)
	}
	for _, present := range Patterns() {
		key := Pattern(present)
		q, ok := m.Interval.Quantiles[key]
		if !ok {
			f.add(false, "interval.quantiles lacks %q: each pattern of present streams needs its own", key)
			continue
		}
		f.add(len(q) == len(levels), "interval.quantiles[%s] has %d numbers, interval.levels has %d", key, len(q), len(levels))
		f.add(slices.IsSorted(q) && !slices.ContainsFunc(q, func(x float64) bool { return !(x > 0) }),
			"interval.quantiles[%s] is %v, it must be above 0 and ascending", key, q)
	}
	f.add(len(m.Interval.Quantiles) <= len(Patterns()), "interval.quantiles has %d keys, there are %d patterns of present streams", len(m.Interval.Quantiles), len(Patterns()))
}

// Present says of each modality whether its stream is there.
type Present [ingest.NumModalities]bool

// Pattern spells the streams that are present as the manifest does:
// "text+audio". It is empty if there are none.
func Pattern(p Present) string {
	var names []string
	for _, m := range ingest.Modalities() {
		if p[m] {
			names = append(names, m.String())
		}
	}
	return strings.Join(names, "+")
}

// Patterns are all choices of streams but the empty one.
func Patterns() []Present {
	var all []Present
	for bits := 1; bits < 1<<ingest.NumModalities; bits++ {
		var p Present
		for m := range p {
			p[m] = bits>>m&1 == 1
		}
		all = append(all, p)
	}
	return all
}

// Quantile returns the q of Calibration for the streams present. Its error
// wraps ErrLevel.
func (m *Manifest) Quantile(p Present, level float64) (float64, error) {
	i := slices.Index(m.Interval.Levels, level)
	q := m.Interval.Quantiles[Pattern(p)]
	if i < 0 || i >= len(q) {
		return 0, fmt.Errorf("%w: the model %s has intervals of the levels %v for %q, not of %v", ErrLevel, m.Name, m.Interval.Levels, Pattern(p), level)
	}
	return q[i], nil
}
