package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/ingest"
)

// outputs are what is read of the fusion net. Its embedding is not: nothing
// here may keep one of a person.
type outputs struct {
	score, probabilities, streams, gate, logB, attention *tensor[float32]
	steps                                                int // of attention, in this run
}

func newOutputs(t *tensors) outputs {
	return outputs{
		score:         output(t, "score", batchAxis),
		probabilities: output(t, "polarity_probs", batchAxis, inference.NumPolarities),
		streams:       output(t, "unimodal_scores", batchAxis, ingest.NumModalities),
		gate:          output(t, "modality_gate", batchAxis, ingest.NumModalities),
		logB:          output(t, "log_b", batchAxis),
		attention:     output(t, "text_attn", batchAxis, lengthAxis),
	}
}

// use binds the outputs for a run; size.length is the length of the text.
func (o *outputs) use(size extent) error {
	o.steps = size.length
	flat := extent{batch: size.batch}
	for _, t := range [...]*tensor[float32]{o.score, o.probabilities, o.streams, o.gate, o.logB} {
		if _, err := t.use(flat); err != nil {
			return err
		}
	}
	_, err := o.attention.use(size)
	return err
}

// scale turns outputs into Scores.
type scale struct {
	model inference.Model
	// limit is the largest score of the net: Scores are divided by it.
	limit     float64
	level     float64
	quantiles map[model.Present]float64
}

func newScale(m *model.Manifest, level float64) (scale, error) {
	s := scale{
		model:     inference.Model{Name: m.Name, Version: m.Version, Contract: m.Contract.Hash},
		limit:     m.ScoreScale,
		level:     level,
		quantiles: map[model.Present]float64{},
	}
	var errs []error
	for _, p := range model.Patterns() {
		q, err := m.Quantile(p, level)
		errs = append(errs, err)
		s.quantiles[p] = q
	}
	return s, errors.Join(errs...)
}

// score reads the i-th row. Its errors wrap ErrOutput. It allocates the
// attention, which belongs to the Score, and nothing else.
func (s *scale) score(o *outputs, i int, r row) (inference.Score, error) {
	const streams, polarities = ingest.NumModalities, inference.NumPolarities
	value, logB := float64(o.score.data[i]), float64(o.logB.data[i])
	probabilities := o.probabilities.data[i*polarities : (i+1)*polarities]
	single := o.streams.data[i*streams : (i+1)*streams]
	gate := o.gate.data[i*streams : (i+1)*streams]
	var attention []float32
	if r.present[ingest.Text] {
		attention = o.attention.data[i*o.steps : i*o.steps+r.length[ingest.Text]]
	}
	if math.IsNaN(value+logB) || math.IsInf(value+logB, 0) || !finite(probabilities) || !finite(single) || !finite(gate) || !finite(attention) {
		return inference.Score{}, fmt.Errorf("%w: the fusion net gave a number that is not finite (score %v, log_b %v)", ErrOutput, value, logB)
	}

	score := inference.Score{Window: r.window, Value: s.unit(value), Model: s.model, Attention: append([]float32(nil), attention...)}
	half := s.quantiles[r.present] * math.Exp(logB)
	score.Interval = inference.Interval{Level: s.level, Low: s.unit(value - half), High: s.unit(value + half)}

	// float32 that should sum to 1 misses it by some 1e-7.
	if sum := shares(score.Probabilities[:], probabilities); !(math.Abs(sum-1) < 1e-3) {
		return inference.Score{}, fmt.Errorf("%w: polarity_probs are %v", ErrOutput, probabilities)
	}
	score.Polarity = inference.Neutral
	for p, x := range score.Probabilities {
		if x > score.Probabilities[score.Polarity] {
			score.Polarity = inference.Polarity(p)
		}
	}

	for m, present := range r.present {
		if !present {
			gate[m] = 0
		}
	}
	var weights [streams]float64
	if math.IsNaN(shares(weights[:], gate)) {
		return inference.Score{}, fmt.Errorf("%w: modality_gate is %v", ErrOutput, gate)
	}
	if r.present[ingest.Text] {
		score.Context = time.Duration(math.Round(float64(r.window.Before.Seconds)*1e3)) * time.Millisecond
	}
	for m, present := range r.present {
		if present {
			score.Streams[m] = inference.Contribution{Value: s.unit(float64(single[m])), Weight: weights[m]}
		}
	}
	return score, nil
}

// unit brings a number of the net's scale to [-1, 1].
func (s *scale) unit(x float64) float64 { return min(max(x/s.limit, -1), 1) }

// shares writes from, divided by its sum, into to, and returns the sum. It is
// NaN where from are no shares: one is negative, or all are 0.
func shares(to []float64, from []float32) float64 {
	var sum float64
	for _, x := range from {
		sum += float64(x)
	}
	if sum == 0 || slices.Min(from) < 0 {
		return math.NaN()
	}
	for i, x := range from {
		to[i] = float64(x) / sum
	}
	return sum
}
