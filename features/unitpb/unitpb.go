// Package unitpb turns features.Units into the steps of api/valence/v1 and back,
// so that one process extracts and another aligns. Nothing is lost on the way
// but Receipts: every float32 and every instant arrives to the bit.
//
// Its functions are pure and may be called from any goroutine.
package unitpb

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// ErrStep says that a step makes no sense.
var ErrStep = errors.New("unusable step")

// FromUnit returns the step that says the same. It shares the Unit's Values, and
// does not release its Receipt.
func FromUnit(u features.Unit) (*valencev1.Step, error) {
	switch u := u.(type) {
	case features.Vector:
		return &valencev1.Step{Kind: &valencev1.Step_Vector{Vector: fromVector(u)}}, nil
	case features.Segment:
		return &valencev1.Step{Kind: &valencev1.Step_Segment{Segment: fromSegment(u)}}, nil
	case features.Mark:
		return &valencev1.Step{Kind: &valencev1.Step_Mark{Mark: &valencev1.Mark{
			Modality: u.Modality.String(), Time: fromTime(u.Time), Reason: string(u.Reason), End: u.End,
		}}}, nil
	default:
		return nil, fmt.Errorf("%w: there is no unit %T", ErrStep, u)
	}
}

// Withdraw returns the step that erases what is kept of a stream.
func Withdraw(m ingest.Modality, why ingest.Reason) *valencev1.Step {
	return &valencev1.Step{Kind: &valencev1.Step_Withdraw{Withdraw: &valencev1.Withdraw{Modality: m.String(), Reason: string(why)}}}
}

// Advance returns the step that says what time it is in the call.
func Advance(t time.Time) *valencev1.Step {
	return &valencev1.Step{Kind: &valencev1.Step_Advance{Advance: &valencev1.Advance{Time: fromTime(t)}}}
}

// Control returns the step that hands a control on.
func Control(c *valencev1.Control) *valencev1.Step {
	return &valencev1.Step{Kind: &valencev1.Step_Control{Control: c}}
}

// ToUnit returns the Unit of a step that is a vector, a segment or a mark; nil
// for the other steps. It shares the step's values. The error wraps ErrStep.
func ToUnit(s *valencev1.Step) (features.Unit, error) {
	var u features.Unit
	var err error
	switch kind := s.GetKind().(type) {
	case *valencev1.Step_Vector:
		u, err = toVector(kind.Vector)
	case *valencev1.Step_Segment:
		u, err = toSegment(kind.Segment)
	case *valencev1.Step_Mark:
		u, err = toMark(kind.Mark)
	default:
		return nil, nil //nolint:nilnil // no Unit and no error: the step is of another kind
	}
	if err != nil {
		return nil, err
	}
	return u, nil
}

// ToWithdrawal returns what a withdrawal says.
func ToWithdrawal(w *valencev1.Withdraw) (ingest.Modality, ingest.Reason, error) {
	m, err := toModality(w.GetModality())
	return m, ingest.Reason(w.GetReason()), err
}

// ToAdvance returns the time that an advance says.
func ToAdvance(a *valencev1.Advance) (time.Time, error) {
	if a.GetTime() == nil {
		return time.Time{}, fmt.Errorf("%w: an advance without a time", ErrStep)
	}
	return toTime(a.GetTime())
}

func fromVector(v features.Vector) *valencev1.Vector {
	return &valencev1.Vector{
		Modality: v.Modality.String(), Start: fromTime(v.Start), End: fromTime(v.End),
		Values: v.Values, Reason: string(v.Reason), Clock: fromClock(v.Clock),
	}
}

func toVector(v *valencev1.Vector) (features.Vector, error) {
	m, err := toModality(v.GetModality())
	start, end, err := toInterval(v.GetStart(), v.GetEnd(), err)
	out := features.Vector{
		Modality: m, Start: start, End: end,
		Reason: ingest.Reason(v.GetReason()), Clock: toClock(v.GetClock()),
	}
	if len(v.GetValues()) > 0 {
		out.Values = v.GetValues()
	}
	return out, err
}

func toMark(k *valencev1.Mark) (features.Mark, error) {
	m, err := toModality(k.GetModality())
	if err != nil {
		return features.Mark{}, err
	}
	t, err := toTime(k.GetTime())
	return features.Mark{Modality: m, Time: t, Reason: ingest.Reason(k.GetReason()), End: k.GetEnd()}, err
}

func fromSegment(s features.Segment) *valencev1.EncodedSegment {
	out := &valencev1.EncodedSegment{
		Id: s.ID, Start: fromTime(s.Start), End: fromTime(s.End), Final: s.Final, Clock: fromClock(s.Clock),
	}
	for _, token := range s.Tokens {
		out.Tokens = append(out.Tokens, fromVector(token))
	}
	for _, w := range s.Words {
		out.Words = append(out.Words, &valencev1.Span{Start: fromTime(w.Start), End: fromTime(w.End)})
	}
	return out
}

func toSegment(s *valencev1.EncodedSegment) (features.Segment, error) {
	start, end, err := toInterval(s.GetStart(), s.GetEnd(), nil)
	out := features.Segment{ID: s.GetId(), Start: start, End: end, Final: s.GetFinal(), Clock: toClock(s.GetClock())}
	for i, token := range s.GetTokens() {
		v, failed := toVector(token)
		if failed != nil && err == nil {
			err = fmt.Errorf("token %d: %w", i+1, failed)
		}
		out.Tokens = append(out.Tokens, v)
	}
	for _, w := range s.GetWords() {
		start, end, err = toInterval(w.GetStart(), w.GetEnd(), err)
		out.Words = append(out.Words, features.Interval{Start: start, End: end})
	}
	return out, err
}

func fromClock(c ingest.Clock) *valencev1.TrackClock {
	if c == (ingest.Clock{}) {
		return nil
	}
	return &valencev1.TrackClock{Source: string(c.Source), ErrorBoundNs: int64(c.ErrorBound)}
}

func toClock(c *valencev1.TrackClock) ingest.Clock {
	return ingest.Clock{Source: ingest.ClockSource(c.GetSource()), ErrorBound: time.Duration(c.GetErrorBoundNs())}
}

func toModality(name string) (ingest.Modality, error) {
	m, err := ingest.ParseModality(name)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrStep, err)
	}
	return m, nil
}

// fromTime leaves the zero time out.
func fromTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func toTime(t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if err := t.CheckValid(); err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrStep, err)
	}
	return t.AsTime(), nil
}

// toInterval passes an earlier error on.
func toInterval(from, to *timestamppb.Timestamp, err error) (start, end time.Time, _ error) {
	if err != nil {
		return start, end, err
	}
	if start, err = toTime(from); err == nil {
		end, err = toTime(to)
	}
	return start, end, err
}
