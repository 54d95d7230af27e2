// Package features holds the words for what is known about a stretch of a
// stream: an Extractor turns the Samples of one track into Units (Vectors,
// encoded Segments, Marks), and features/align gathers those of all three
// modalities into Windows.
//
// The extractors are pure: no goroutine, no clock, no I/O. The neural nets that
// they need come in as the interfaces declared here.
package features

import (
	"time"

	"github.com/valence-live/valence/ingest"
)

// Extractor turns the Samples of one track into Units, in order.
//
// An Extractor belongs to one track and is used by one goroutine at a time. It
// releases Pictures. It keeps no Sample after Extract has returned. What it
// gives to emit is immutable from then on and may be shared by many windows.
// Each Unit that carries a Receipt has retained it.
//
// Every step of an audio or video track gives one Vector, usable or not, so
// that silence moves time as well as speech does. Gap and End payloads are
// passed on as Marks after whatever was still buffered.
type Extractor interface {
	Extract(s ingest.Sample, emit func(Unit)) error
}

// Unit is what an Extractor emits: a Vector, a Segment or a Mark. The set is
// closed.
type Unit interface{ unit() }

// Vector is what is known of one step [Start, End) of an audio or video track,
// or of one token of a text segment.
type Vector struct {
	Modality   ingest.Modality
	Start, End time.Time
	// Values has the contract's dimension for the modality. It is nil where the
	// step has nothing usable, and then Reason says why.
	Values  []float32
	Reason  ingest.Reason
	Clock   ingest.Clock
	Receipt *ingest.Receipt
	// Weight is, of a token in a Window, the seconds of its segment that it
	// stands for; 0 elsewhere.
	Weight float32
}

// Segment is an encoded stretch of transcript. A later one with the same ID
// replaces the earlier one whole.
type Segment struct {
	ID         string
	Start, End time.Time
	Final      bool
	// Tokens are in reading order; each carries the time of its word and the
	// segment's Clock, and no Receipt: the segment holds it for all.
	Tokens []Vector
	// Words are the intervals that count for coverage: of each word where its
	// time is known, else of the whole segment.
	Words   []Interval
	Clock   ingest.Clock
	Receipt *ingest.Receipt
}

// Interval is half-open: Start is inside, End is not.
type Interval struct{ Start, End time.Time }

// Mark says that everything of the track before Time has been emitted.
type Mark struct {
	Modality ingest.Modality
	Time     time.Time
	// Reason, if set, says why nothing usable came between what was known
	// before and Time; with End, why nothing comes after it.
	Reason ingest.Reason
	// End says that the track is over.
	End bool
}

func (Vector) unit()  {}
func (Segment) unit() {}
func (Mark) unit()    {}
