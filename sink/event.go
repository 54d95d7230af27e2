package sink

import (
	"cmp"
	"strings"
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

// Rolling is the time-decayed score as of the end of the Event's window; see
// sink/rolling.
type Rolling struct {
	Participant Number   `json:"participant"`
	Session     Number   `json:"session"`
	HalfLife    Duration `json:"half_life"`
	// Mass and SessionMass are the weights behind the two values, so that both
	// can be restored from the last event.
	Mass        Number `json:"mass"`
	SessionMass Number `json:"session_mass"`
}

// Modalities says what each stream contributed.
type Modalities struct {
	Text  Modality `json:"text"`
	Audio Modality `json:"audio"`
	Video Modality `json:"video"`
}

// All returns the three in tensor order, to be indexed by ingest.Modality.
func (m *Modalities) All() [ingest.NumModalities]*Modality {
	return [ingest.NumModalities]*Modality{ingest.Text: &m.Text, ingest.Audio: &m.Audio, ingest.Video: &m.Video}
}

// Modality is one stream's part. Score and Weight are nil, and Reason is set,
// where the stream is absent.
type Modality struct {
	Present  bool          `json:"present"`
	Coverage Number        `json:"coverage"`
	Score    *Number       `json:"score,omitempty"`
	Weight   *Number       `json:"weight,omitempty"`
	Reason   ingest.Reason `json:"reason,omitempty"`
	// Context is, of text alone, how much earlier speech it leaned on; 0 if none.
	Context Duration `json:"context,omitzero"`
}

// Clock says how well the window's times are known.
type Clock struct {
	Source     ingest.ClockSource `json:"source"`
	ErrorBound Duration           `json:"error_bound"`
}

// Latency is where the time went between the end of the window and the event.
type Latency struct {
	Window    Duration `json:"window"`    // from the window's end to its closing
	Queue     Duration `json:"queue"`     // waiting for its turn and for a batch
	Inference Duration `json:"inference"` // in the batch
	Publish   Duration `json:"publish"`   // from the score to the sink
}

// Model identifies what made the score.
type Model struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Contract string `json:"contract"`
}

// Compare orders the Events of a session as they count: by window end, then
// participant; the id decides between windows of one participant that end at
// the same instant.
func Compare(a, b *Event) int {
	return cmp.Or(
		a.Window.End.Compare(b.Window.End),
		strings.Compare(a.Participant, b.Participant),
		strings.Compare(a.ID, b.ID),
	)
}

// Repeatable returns the Event without what differs from run to run: how long
// it took and who traced it. Two replays of one input agree in all the rest.
func (e Event) Repeatable() Event {
	e.Latency = Latency{}
	e.Traceparent = ""
	return e
}
