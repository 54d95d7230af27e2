package sinktest

import (
	"fmt"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

// Start is the time zero of made-up calls.
func Start() time.Time { return time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC) }

// Event returns a final event of the sliding window that ends so many seconds
// after Start. Equal arguments give equal events.
func Event(session, participant string, second int) *sink.Event {
	end := Start().Add(time.Duration(second) * time.Second)
	text, audio := sink.Number(0.55), sink.Number(0.2)
	textWeight, audioWeight := sink.Number(0.7126), sink.Number(0.2874)
	return &sink.Event{
		ID:       fmt.Sprintf("%s/%s/sliding/%d", session, participant, end.UnixMilli()),
		Revision: 1, State: features.Final, Session: session, Participant: participant,
		Window:        sink.Window{Kind: features.Sliding, Start: end.Add(-8 * time.Second), End: end},
		Score:         0.41,
		Polarity:      "positive",
		Probabilities: sink.Probabilities{Negative: 0.08, Neutral: 0.31, Positive: 0.61},
		Interval:      sink.Interval{Level: 0.9, Low: -0.1, High: 0.86},
		Rolling: sink.Rolling{
			Participant: 0.22, Session: 0.1, HalfLife: sink.Duration(20 * time.Second), Mass: 7.5, SessionMass: 11.25,
		},
		Modalities: sink.Modalities{
			Text:  sink.Modality{Present: true, Coverage: 0.9, Score: &text, Weight: &textWeight, Context: sink.Duration(21400 * time.Millisecond)},
			Audio: sink.Modality{Present: true, Coverage: 1, Score: &audio, Weight: &audioWeight},
			Video: sink.Modality{Reason: ingest.ReasonMuted},
		},
		Clock: sink.Clock{Source: ingest.ClockContainer, ErrorBound: sink.Duration(12 * time.Millisecond)},
		Latency: sink.Latency{
			Window: sink.Duration(900 * time.Millisecond), Queue: sink.Duration(3 * time.Millisecond),
			Inference: sink.Duration(4 * time.Millisecond), Publish: sink.Duration(time.Millisecond),
		},
		Model:       sink.Model{Name: "valence-text-guided-d64", Version: "0.1.0", Contract: "sha256:00ff"},
		Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}
