package align

import (
	"slices"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// Revisions of a window. A correction adds one to the last.
const (
	revisionNone        = -1
	revisionProvisional = 0
	revisionFinal       = 1
)

// record is what is remembered of a window that was handed out, in order to
// tell whether a late segment changes it.
type record struct {
	revision   int
	start, end time.Time
	text       []features.Vector
	coverage   float64
}

func recordOf(w *features.Window) record {
	return record{
		revision: w.Revision, start: w.Start, end: w.End,
		text: w.Text, coverage: w.Streams[ingest.Text].Coverage,
	}
}

// says reports whether the window says the same as the one on record, whatever
// was said before it.
func (r *record) says(w *features.Window) bool {
	return r.start.Equal(w.Start) && r.end.Equal(w.End) &&
		r.coverage == w.Streams[ingest.Text].Coverage && sameTokens(r.text, w.Text)
}

func sameTokens(a, b []features.Vector) bool {
	return slices.EqualFunc(a, b, func(a, b features.Vector) bool {
		return a.Start.Equal(b.Start) && a.End.Equal(b.End) && a.Weight == b.Weight && slices.Equal(a.Values, b.Values)
	})
}
