package sink

import (
	"time"

	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/ingest"
)

// New makes the Event of a Score.
//
// Numbers are rounded as they are printed and times are in UTC, so that an
// Event in memory equals the same Event read back. The Score must have its
// Window. Rolling is for sink/rolling to fill in, Latency.Window,
// Latency.Publish and Traceparent for the caller, before the Event is
// published.
func New(s inference.Score) *Event {
	w := s.Window
	e := &Event{
		ID:          w.ID(),
		Revision:    w.Revision,
		State:       w.State,
		Session:     w.Participant.Session(),
		Participant: w.Participant.ID(),
		Window:      Window{Kind: w.Kind, Start: instant(w.Start), End: instant(w.End)},
		Score:       Round(s.Value),
		Polarity:    s.Polarity.String(),
		Probabilities: Probabilities{
			Negative: Round(s.Probabilities[inference.Negative]),
			Neutral:  Round(s.Probabilities[inference.Neutral]),
			Positive: Round(s.Probabilities[inference.Positive]),
		},
		Interval: Interval{Level: Round(s.Interval.Level), Low: Round(s.Interval.Low), High: Round(s.Interval.High)},
		Clock:    Clock{Source: w.Clock.Source, ErrorBound: Duration(w.Clock.ErrorBound)},
		Latency:  Latency{Queue: Duration(s.Queue), Inference: Duration(s.Inference)},
		Model:    Model{Name: s.Model.Name, Version: s.Model.Version, Contract: s.Model.Contract},
	}
	if w.Streams[ingest.Text].Present {
		e.Modalities.Text.Context = Duration(s.Context)
	}
	for m, part := range e.Modalities.All() {
		stream := w.Streams[m]
		part.Present, part.Coverage, part.Reason = stream.Present, Round(stream.Coverage), stream.Reason
		if stream.Present {
			score, weight := Round(s.Streams[m].Value), Round(s.Streams[m].Weight)
			part.Score, part.Weight, part.Reason = &score, &weight, ingest.Reason("")
		}
	}
	return e
}

// instant drops the monotonic reading and the location.
func instant(t time.Time) time.Time { return t.Round(0).UTC() }
