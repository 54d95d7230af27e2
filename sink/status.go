package sink

import (
	"time"

	"github.com/valence-live/valence/ingest"
)

// Status is what there is to say of a participant of a live call besides
// scores: who is there, what may be analysed, and why there is nothing to score.
type Status struct {
	Session     string      `json:"session"`
	Participant string      `json:"participant"`
	At          time.Time   `json:"at"`
	State       Activity    `json:"state"`
	Connected   bool        `json:"connected"`
	Consent     Modes[bool] `json:"consent"`
	// Reasons says, while nothing can be scored, why each stream is absent.
	Reasons *Modes[ingest.Reason] `json:"reasons,omitempty"`
	Purpose ingest.Purpose        `json:"purpose"`
}

// Modes is one value for each modality.
type Modes[T any] struct {
	Text  T `json:"text"`
	Audio T `json:"audio"`
	Video T `json:"video"`
}

// Activity is what a participant of a live call does at present.
type Activity string

// The activities.
const (
	Waiting Activity = "waiting" // no window has closed yet
	Scoring Activity = "scoring" // the newest window has a score
	NoData  Activity = "no_data" // the newest window has nothing to score; the rolling value ages
	Left    Activity = "left"    // no connection is left
	Erased  Activity = "erased"  // everything known of the participant was deleted
)
