package sink

import (
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// Event is what every sink publishes: the one schema of the project. It holds
// no media, no transcript and no embedding of a person.
type Event struct {
	ID            string         `json:"id"`
	Revision      int            `json:"revision"`
	State         features.State `json:"state"`
	Session       string         `json:"session"`
	Participant   string         `json:"participant"`
	Window        Window         `json:"window"`
	Score         Number         `json:"score"`
	Polarity      string         `json:"polarity"`
	Probabilities Probabilities  `json:"probabilities"`
	Interval      Interval       `json:"interval"`
	Rolling       Rolling        `json:"rolling"`
	Modalities    Modalities     `json:"modalities"`
	Clock         Clock          `json:"clock"`
	Latency       Latency        `json:"latency"`
	Model         Model          `json:"model"`
	Traceparent   string         `json:"traceparent,omitempty"`
}

// Number is printed with 4 decimals, so that equal results have equal bytes.
type Number float64

// Window is the interval of capture time [Start, End).
type Window struct {
	Kind  features.Kind `json:"kind"`
	Start time.Time     `json:"start"`
	End   time.Time     `json:"end"`
}

// Probabilities are calibrated and sum to 1.
type Probabilities struct {
	Negative Number `json:"negative"`
	Neutral  Number `json:"neutral"`
	Positive Number `json:"positive"`
}

// Interval holds the truth with probability Level, for the streams present.
type Interval struct {
	Level Number `json:"level"`
	Low   Number `json:"low"`
	High  Number `json:"high"`
}

// Modalities says what each stream contributed.
type Modalities struct {
	Text  Modality `json:"text"`
	Audio Modality `json:"audio"`
	Video Modality `json:"video"`
}

// Modality is one stream's part. Score and Weight are nil, and Reason is set,
// where the stream is absent.
type Modality struct {
	Present  bool          `json:"present"`
	Coverage Number        `json:"coverage"`
	Score    *Number       `json:"score,omitempty"`
	Weight   *Number       `json:"weight,omitempty"`
	Reason   ingest.Reason `json:"reason,omitempty"`
}

// Model identifies what made the score.
type Model struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Contract string `json:"contract"`
}


// Rolling is the time-decayed score after this event.
type Rolling struct {
	Participant Number   `json:"participant"`
	Session     Number   `json:"session"`
	HalfLife    Duration `json:"half_life"`
	// Mass is the participant's total weight, so that the rolling score can be
	// restored from the last event.
	Mass Number `json:"mass"`
}

// Clock says how well the window's times are known.
type Clock struct {
	Source     ingest.ClockSource `json:"source"`
	ErrorBound Duration           `json:"error_bound"`
}

// Latency is where the time went between the end of the window and the event.
type Latency struct {
	Window    Duration `json:"window"`    // from the window's end to its closing
	Queue     Duration `json:"queue"`     // waiting for a batch
	Inference Duration `json:"inference"` // in the batch
	Publish   Duration `json:"publish"`   // from the score to the sink
}

// Duration is printed as Go prints it: "12ms".
type Duration time.Duration
