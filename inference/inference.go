// Package inference turns Windows into Scores. A Predictor scores a batch;
// inference/batch gathers batches across sessions, inference/onnx runs them, and
// inference/model is the bundle of networks with its manifest.
package inference

import (
	"context"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// Predictor scores windows.
type Predictor interface {
	// Predict returns one Result per window, in their order; a window that
	// cannot be scored has its own error and leaves the others alone. It may be
	// called from several goroutines and does not keep windows.
	Predict(ctx context.Context, windows []*features.Window) []Result
}

// Result is a Score or the reason why there is none.
type Result struct {
	Score Score
	Err   error
}

// Polarity is the sign of a sentiment, with a neutral band.
type Polarity uint8

// The polarities, in the order of Score.Probabilities.
const (
	Negative Polarity = iota
	Neutral
	Positive

	// NumPolarities is how many there are.
	NumPolarities = 3
)

// String returns the name used in events.
func (p Polarity) String() string {
	switch p {
	case Negative:
		return "negative"
	case Neutral:
		return "neutral"
	case Positive:
		return "positive"
	default:
		return "unknown"
	}
}

// Score is what the model says of one window.
type Score struct {
	Window *features.Window
	// Value is the sentiment in [-1, 1]: the MOSI scale divided by 3.
	Value float64
	// Polarity is the most probable one.
	Polarity      Polarity
	Probabilities [NumPolarities]float64 // calibrated; sum to 1
	Interval      Interval
	Streams       [ingest.NumModalities]Contribution
	// Attention is the share of attention of each vector of Window.Text that
	// the model read, which are the last len(Attention) of them; empty without
	// text.
	Attention []float32
	// Context is how much speech from before the window its text leaned on, to
	// the millisecond.
	Context   time.Duration
	Model     Model
	Queue     time.Duration // waited for a batch
	Inference time.Duration // ran, of the batch that it was part of
}

// Interval is calibrated on people not seen in training, for the streams that
// were present: the truth lies inside with probability Level.
type Interval struct{ Level, Low, High float64 }

// Contribution is what one stream said and how much it counted. Both are 0 for
// an absent stream.
type Contribution struct {
	Value  float64 // what the stream alone would say, in [-1, 1]
	Weight float64 // sums to 1 over the streams present
}

// Model identifies what made a Score.
type Model struct{ Name, Version, Contract string }
