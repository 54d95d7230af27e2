// Package report draws a call as one HTML page: how it went, for whom, how
// sure that is, and what was missing.
//
// The page holds everything itself (styles, script, drawings, numbers), loads
// nothing, runs no script but its own, and works from a disk, on a phone, in
// the dark and on paper. Without its script it still shows everything but the
// exact values under the cursor. It holds the transcript, unlike the events:
// its reader must be allowed to read it.
package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

// ErrEmpty says that there is nothing to draw: neither an event nor a word, nor
// a window that could not be scored.
var ErrEmpty = errors.New("the call is empty")

// Call is what a page shows. All of it may be hostile: nothing is trusted to be
// markup, or of a sensible length.
type Call struct {
	// Title heads the page; the session's id if empty.
	Title string
	// Events are those of one session, in any order; of each id the highest
	// revision is shown.
	Events []*sink.Event
	// Silent are the windows that have no event, in any order; may be empty.
	Silent []Silence
	// Transcript holds the segments of each participant, in order.
	Transcript map[string][]ingest.Segment
	// Attention says which words the model looked at; may be empty.
	Attention []Attention
	// Start and End are the call's; if zero, those of what it holds.
	Start, End time.Time
}

// Attention is how much the model looked at what was said at an instant, as a
// multiple of an even share among the words of its window.
type Attention struct {
	Participant string
	Time        time.Time
	Share       float64
}

// AttentionOf returns what a Score says about the words of its window.
func AttentionOf(s inference.Score) []Attention {
	n := min(len(s.Attention), len(s.Window.Text))
	all := make([]Attention, n)
	for i := range n {
		all[i] = Attention{
			Participant: s.Window.Participant.ID(),
			Time:        s.Window.Text[i].Start,
			Share:       float64(s.Attention[i]) * float64(n),
		}
	}
	return all
}

// Write writes the page. Equal calls give equal pages.
func Write(w io.Writer, c Call) error {
	c.Events = sink.Newest(c.Events)
	p, err := newPage(c)
	if err != nil {
		return err
	}
	tmpl, err := parse()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, p); err != nil {
		return fmt.Errorf("draw the report: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
