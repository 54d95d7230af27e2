package pipeline

import (
	"maps"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
)

// Published is what of a participant was published, or held nothing to publish.
type Published struct {
	// Until is the end of the newest final sliding window: they come in the order
	// of their ends.
	Until time.Time `json:"until"`
	// Apart are the windows that come beside that order, utterances and
	// corrections, by their id. Those of which nothing new can come any more are
	// left out.
	Apart map[string]Revision `json:"apart"`
}

// Revision is the newest of a window, with its end.
type Revision struct {
	Number int       `json:"number"`
	End    time.Time `json:"end"`
}

// settling is how long before Until a window must have ended so that it is neither
// corrected any more nor an utterance that is still to come.
func settling(c align.Config) time.Duration { return c.Correction + c.Limits.Window + c.Lateness }

// apart reports whether a window comes beside the order of the sliding ones.
func apart(w *features.Window) bool {
	return w.Kind != features.Sliding || w.State == features.Corrected
}

// has reports whether the window was published, in this revision or a newer one.
func (p *Published) has(w *features.Window, settling time.Duration) bool {
	if !apart(w) {
		return !w.End.After(p.Until)
	}
	known, ok := p.Apart[w.ID()]
	return ok && w.Revision <= known.Number || w.End.Before(p.Until.Add(-settling))
}

// add notes a window that was dealt with. One that came again takes nothing back.
func (p *Published) add(w *features.Window, settling time.Duration) {
	if w.State == features.Provisional || p.has(w, settling) {
		return
	}
	if apart(w) {
		if p.Apart == nil {
			p.Apart = map[string]Revision{}
		}
		p.Apart[w.ID()] = Revision{Number: w.Revision, End: w.End}
		return
	}
	p.Until = w.End
	maps.DeleteFunc(p.Apart, func(_ string, r Revision) bool { return r.End.Before(p.Until.Add(-settling)) })
}

// clone returns a copy that shares nothing.
func (p *Published) clone() Published {
	return Published{Until: p.Until, Apart: maps.Clone(p.Apart)}
}
