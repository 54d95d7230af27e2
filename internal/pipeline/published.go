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

// settled is how long before Until a window must have ended so that it is neither
// corrected any more nor an utterance that is still to come.
func settled(c align.Config) time.Duration { return c.Correction + c.Limits.Window + c.Lateness }

// apart reports whether a window comes beside the order of the sliding ones.
func apart(w *features.Window) bool {
	return w.Kind != features.Sliding || w.State == features.Corrected
}

// has reports whether the window was published, in this revision or a newer one.
func (p Published) has(w *features.Window, settled time.Duration) bool {
	if !apart(w) {
		return !w.End.After(p.Until)
	}
	known, ok := p.Apart[w.ID()]
	return ok && w.Revision <= known.Number || w.End.Before(p.Until.Add(-settled))
}

// add notes a window that was dealt with.
func (p Published) add(w *features.Window, settled time.Duration) Published {
	switch {
	case w.State == features.Provisional:
		return p
	case !apart(w):
		p.Until = later(p.Until, w.End)
	case p.Apart == nil:
		p.Apart = map[string]Revision{}
		fallthrough
	default:
		p.Apart[w.ID()] = Revision{Number: w.Revision, End: w.End}
	}
	maps.DeleteFunc(p.Apart, func(_ string, r Revision) bool { return r.End.Before(p.Until.Add(-settled)) })
	return p
}

// clone returns a copy that shares nothing.
func (p Published) clone() Published {
	p.Apart = maps.Clone(p.Apart)
	return p
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
