// Package eventpb turns sink.Events and the state of sink/rolling into the
// messages of api/valence/v1, and into records, and back. An Event says the same
// in Protobuf as in JSON, to the last printed decimal.
//
// Its functions are pure and may be called from any goroutine.
package eventpb

import (
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

// ErrEvent says that an event or a state makes no sense.
var ErrEvent = errors.New("unusable event")

// FromEvent returns the message that says the same. It fails as sink.Encode
// does: on numbers that are not finite and on years of five digits.
func FromEvent(e *sink.Event) (*valencev1.Event, error) {
	var p printer
	m := &valencev1.Event{
		Id: e.ID, Revision: int32(e.Revision), State: string(e.State), //nolint:gosec // G115: a revision counts corrections within half a minute
		Session: e.Session, Participant: e.Participant,
		Window: &valencev1.Window{Kind: string(e.Window.Kind), Start: p.time(e.Window.Start), End: p.time(e.Window.End)},
		Score:  p.number(e.Score), Polarity: e.Polarity,
		Probabilities: &valencev1.Probabilities{
			Negative: p.number(e.Probabilities.Negative), Neutral: p.number(e.Probabilities.Neutral), Positive: p.number(e.Probabilities.Positive),
		},
		Interval: &valencev1.Interval{Level: p.number(e.Interval.Level), Low: p.number(e.Interval.Low), High: p.number(e.Interval.High)},
		Rolling: &valencev1.Rolling{
			Participant: p.number(e.Rolling.Participant), Session: p.number(e.Rolling.Session), HalfLife: p.duration(e.Rolling.HalfLife),
			Mass: p.number(e.Rolling.Mass), SessionMass: p.number(e.Rolling.SessionMass),
		},
		Modalities: &valencev1.Modalities{
			Text: p.modality(&e.Modalities.Text), Audio: p.modality(&e.Modalities.Audio), Video: p.modality(&e.Modalities.Video),
		},
		Clock: &valencev1.EventClock{Source: string(e.Clock.Source), ErrorBound: p.duration(e.Clock.ErrorBound)},
		Latency: &valencev1.Latency{
			Window: p.duration(e.Latency.Window), Queue: p.duration(e.Latency.Queue),
			Inference: p.duration(e.Latency.Inference), Publish: p.duration(e.Latency.Publish),
		},
		Model:       &valencev1.Model{Name: e.Model.Name, Version: e.Model.Version, Contract: e.Model.Contract},
		Traceparent: e.Traceparent,
	}
	if p.err != nil {
		return nil, fmt.Errorf("encode event %q: %w", e.ID, p.err)
	}
	return m, nil
}

// printer keeps the first error of what it is given.
type printer struct{ err error }

func (p *printer) number(n sink.Number) float64 {
	x := float64(n)
	if (math.IsNaN(x) || math.IsInf(x, 0)) && p.err == nil {
		p.err = fmt.Errorf("%w: %v", sink.ErrNumber, x)
	}
	return float64(sink.Round(x))
}

func (p *printer) time(t time.Time) *timestamppb.Timestamp {
	out := timestamppb.New(t)
	if err := out.CheckValid(); err != nil && p.err == nil {
		p.err = fmt.Errorf("%w: %w", ErrEvent, err)
	}
	return out
}

func (p *printer) duration(d sink.Duration) string {
	text, err := d.MarshalText()
	if err != nil && p.err == nil {
		p.err = err
	}
	return string(text)
}

func (p *printer) modality(m *sink.Modality) *valencev1.Modality {
	out := &valencev1.Modality{Present: m.Present, Coverage: p.number(m.Coverage), Reason: string(m.Reason)}
	if m.Score != nil {
		out.Score = new(p.number(*m.Score))
	}
	if m.Weight != nil {
		out.Weight = new(p.number(*m.Weight))
	}
	if !m.Context.IsZero() {
		out.Context = p.duration(m.Context)
	}
	return out
}

// ToEvent returns the Event that a message says. What the message leaves out is
// zero. The error wraps ErrEvent.
func ToEvent(m *valencev1.Event) (*sink.Event, error) {
	var r reader
	e := &sink.Event{
		ID: m.GetId(), Revision: int(m.GetRevision()), State: features.State(m.GetState()),
		Session: m.GetSession(), Participant: m.GetParticipant(),
		Window: sink.Window{
			Kind: features.Kind(m.GetWindow().GetKind()), Start: r.time(m.GetWindow().GetStart()), End: r.time(m.GetWindow().GetEnd()),
		},
		Score: sink.Number(m.GetScore()), Polarity: m.GetPolarity(),
		Probabilities: sink.Probabilities{
			Negative: sink.Number(m.GetProbabilities().GetNegative()), Neutral: sink.Number(m.GetProbabilities().GetNeutral()),
			Positive: sink.Number(m.GetProbabilities().GetPositive()),
		},
		Interval: sink.Interval{
			Level: sink.Number(m.GetInterval().GetLevel()), Low: sink.Number(m.GetInterval().GetLow()), High: sink.Number(m.GetInterval().GetHigh()),
		},
		Rolling: sink.Rolling{
			Participant: sink.Number(m.GetRolling().GetParticipant()), Session: sink.Number(m.GetRolling().GetSession()),
			HalfLife: r.duration(m.GetRolling().GetHalfLife()),
			Mass:     sink.Number(m.GetRolling().GetMass()), SessionMass: sink.Number(m.GetRolling().GetSessionMass()),
		},
		Modalities: sink.Modalities{
			Text: r.modality(m.GetModalities().GetText()), Audio: r.modality(m.GetModalities().GetAudio()), Video: r.modality(m.GetModalities().GetVideo()),
		},
		Clock: sink.Clock{Source: ingest.ClockSource(m.GetClock().GetSource()), ErrorBound: r.duration(m.GetClock().GetErrorBound())},
		Latency: sink.Latency{
			Window: r.duration(m.GetLatency().GetWindow()), Queue: r.duration(m.GetLatency().GetQueue()),
			Inference: r.duration(m.GetLatency().GetInference()), Publish: r.duration(m.GetLatency().GetPublish()),
		},
		Model:       sink.Model{Name: m.GetModel().GetName(), Version: m.GetModel().GetVersion(), Contract: m.GetModel().GetContract()},
		Traceparent: m.GetTraceparent(),
	}
	if r.err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrEvent, m.GetId(), r.err)
	}
	return e, nil
}

// reader keeps the first error of what it is given.
type reader struct{ err error }

func (r *reader) time(t *timestamppb.Timestamp) time.Time {
	if err := t.CheckValid(); err != nil {
		if r.err == nil {
			r.err = err
		}
		return time.Time{}
	}
	return t.AsTime()
}

func (r *reader) duration(text string) (d sink.Duration) {
	if text == "" {
		return 0
	}
	if err := d.UnmarshalText([]byte(text)); err != nil && r.err == nil {
		r.err = err
	}
	return d
}

func (r *reader) modality(m *valencev1.Modality) sink.Modality {
	out := sink.Modality{
		Present: m.GetPresent(), Coverage: sink.Number(m.GetCoverage()), Reason: ingest.Reason(m.GetReason()), Context: r.duration(m.GetContext()),
	}
	if m != nil && m.Score != nil {
		out.Score = new(sink.Number(m.GetScore()))
	}
	if m != nil && m.Weight != nil {
		out.Weight = new(sink.Number(m.GetWeight()))
	}
	return out
}
