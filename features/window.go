package features

import (
	"strconv"
	"time"

	"github.com/valence-live/valence/ingest"
)

// Kind is what decided where a window begins and ends.
type Kind string

// The kinds of window.
const (
	Sliding   Kind = "sliding"   // a fixed length, every hop
	Utterance Kind = "utterance" // a final transcript segment
)

// State is how far a window's content may still change.
type State string

// The states of a window, in the order in which it can go through them.
const (
	Provisional State = "provisional" // revision 0: may change
	Final       State = "final"       // revision 1: changes only through Corrected
	Corrected   State = "corrected"   // revision 2 and up: a late segment was added
)

// Window is the half-open interval [Start, End) of one participant, with what
// is known of all modalities in it. It is immutable, and shares its vectors
// with overlapping windows.
type Window struct {
	Participant *ingest.Participant
	Kind        Kind
	Segment     string // the segment's id, for an utterance window
	Start, End  time.Time
	// From is where the content begins: Start, but in an utterance longer than
	// the model's limit, of which only the newest part is kept. Steps are placed
	// on the model's grid from here.
	From     time.Time
	State    State
	Revision int

	// Text holds the token vectors of the window in order of time, segment by
	// segment; Audio and Video the usable steps in order of time.
	Text, Audio, Video []Vector
	// Before is the context of Text; zero where that is absent.
	Before  Before
	Streams [ingest.NumModalities]Stream

	Clock    ingest.Clock
	Receipts []*ingest.Receipt
}

// Before is what the participant said before a window; zero where nothing was.
type Before struct {
	// Values are the mean of the token vectors, each by the seconds that it
	// stands for.
	Values []float32
	// Seconds is how much speech that is.
	Seconds float32
}

// Stream says what one modality contributes to a window.
type Stream struct {
	Present bool
	// Coverage is the share of the window, in [0, 1], with usable data; 0 if the
	// stream is absent.
	Coverage float64
	// Reason says why the stream is absent; empty if it is present.
	Reason ingest.Reason
}

// ID is the window's place in the stream of events: the same window has the
// same ID in every run.
func (w *Window) ID() string {
	last := w.Segment
	if w.Kind == Sliding {
		last = strconv.FormatInt(w.End.UnixMilli(), 10)
	}
	return w.Participant.Session() + "/" + w.Participant.ID() + "/" + string(w.Kind) + "/" + last
}

// Empty reports whether no stream has usable data: such a window has no score.
func (w *Window) Empty() bool {
	for _, s := range w.Streams {
		if s.Present {
			return false
		}
	}
	return true
}

// Release gives back the receipts of everything in the window. The one who
// publishes or drops the window calls it once.
func (w *Window) Release() {
	for _, r := range w.Receipts {
		r.Release()
	}
}
