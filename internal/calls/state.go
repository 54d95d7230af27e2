package calls

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

// SessionState is what there is to say of a call at this moment.
type SessionState struct {
	Session      string             `json:"session"`
	Purpose      ingest.Purpose     `json:"purpose"`
	Participants []ParticipantState `json:"participants"`
}

// ParticipantState is what there is to say of a participant at this moment.
type ParticipantState struct {
	sink.Status
	// Latest is the newest event of a sliding window; nil before the first.
	Latest *sink.Event `json:"latest,omitempty"`
	// Latency is that of the newest events, from the end of the window; nil before
	// the first.
	Latency *Latency `json:"latency,omitempty"`
	// Drops counts what was left out, by reason.
	Drops map[string]uint64 `json:"drops"`
}

// Latency is how long after the end of their window events come, in
// milliseconds: as soon as possible (provisional), and once nothing more is
// waited for (final).
type Latency struct {
	Provisional *Quantiles `json:"provisional,omitempty"`
	Final       *Quantiles `json:"final,omitempty"`
}

// Quantiles of the newest events.
type Quantiles struct {
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
}

// state returns the call and its participants in the order of their ids.
func (c *call) state() SessionState {
	people := c.everybody()
	slices.SortFunc(people, func(a, b *person) int { return strings.Compare(a.id.ID(), b.id.ID()) })
	s := SessionState{Session: c.id, Purpose: c.purposeNow(), Participants: make([]ParticipantState, len(people))}
	for i, p := range people {
		s.Participants[i] = p.state()
	}
	return s
}

// remembered is how many events the quantiles are of: a minute's.
const remembered = 60

// latencies remembers those of the newest events.
type latencies struct{ provisional, final ring }

func (l *latencies) add(e *sink.Event) {
	all := e.Latency.Window + e.Latency.Queue + e.Latency.Inference + e.Latency.Publish
	switch e.State {
	case features.Provisional:
		l.provisional.add(time.Duration(all))
	case features.Final:
		l.final.add(time.Duration(all))
	case features.Corrected: // as late as the words that it waited for
	}
}

func (l *latencies) summary() *Latency {
	if l.provisional.n == 0 && l.final.n == 0 {
		return nil
	}
	return &Latency{Provisional: l.provisional.quantiles(), Final: l.final.quantiles()}
}

// ring holds the newest durations.
type ring struct {
	all [remembered]time.Duration
	n   int // ever added
}

func (r *ring) add(d time.Duration) {
	r.all[r.n%remembered] = d
	r.n++
}

func (r *ring) quantiles() *Quantiles {
	if r.n == 0 {
		return nil
	}
	sorted := slices.Clone(r.all[:min(r.n, remembered)])
	slices.Sort(sorted)
	at := func(q float64) float64 {
		d := sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
		return math.Round(float64(d)/float64(time.Millisecond)*10) / 10
	}
	return &Quantiles{P50: at(.5), P95: at(.95)}
}
