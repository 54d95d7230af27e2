package eventpb

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/sink/rolling"
)

// State is what another process needs to go on with a participant: numbers,
// times and ids.
type State struct {
	Session, Participant string
	// WindowEnd is the end of the last final window that was published.
	WindowEnd time.Time
	Rolling   rolling.State
}

// FromState returns the message that says the same, to the bit.
func FromState(s State) *valencev1.State {
	out := &valencev1.State{
		Session: s.Session, Participant: s.Participant, WindowEnd: instant(s.WindowEnd),
		Rolling: &valencev1.RollingState{Session: fromPart(s.Rolling.Session), Participants: map[string]*valencev1.RollingPart{}},
	}
	for id, p := range s.Rolling.Participants {
		out.Rolling.Participants[id] = fromPart(p)
	}
	return out
}

// ToState returns the State that a message says. The error wraps ErrEvent.
func ToState(m *valencev1.State) (State, error) {
	var r reader
	s := State{
		Session: m.GetSession(), Participant: m.GetParticipant(), WindowEnd: r.instant(m.GetWindowEnd()),
		Rolling: rolling.State{Session: r.part(m.GetRolling().GetSession()), Participants: map[string]rolling.Part{}},
	}
	for id, p := range m.GetRolling().GetParticipants() {
		s.Rolling.Participants[id] = r.part(p)
	}
	if r.err != nil {
		return State{}, fmt.Errorf("%w: the state of %q in %q: %w", ErrEvent, m.GetParticipant(), m.GetSession(), r.err)
	}
	return s, nil
}

func fromPart(p rolling.Part) *valencev1.RollingPart {
	out := &valencev1.RollingPart{Base: &valencev1.RollingTotal{Sum: p.Base.Sum, Mass: p.Base.Mass}, Last: fromKey(p.Last)}
	for _, t := range p.Terms {
		out.Terms = append(out.Terms, &valencev1.RollingTerm{
			Key: fromKey(t.Key), Revision: int32(t.Revision), Score: t.Score, Weight: t.Weight, //nolint:gosec // G115: a revision counts corrections within half a minute
		})
	}
	return out
}

func fromKey(k rolling.Key) *valencev1.RollingKey {
	return &valencev1.RollingKey{End: instant(k.End), Participant: k.Participant, Id: k.ID}
}

// instant leaves the zero time out.
func instant(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func (r *reader) part(p *valencev1.RollingPart) rolling.Part {
	out := rolling.Part{Base: rolling.Total{Sum: p.GetBase().GetSum(), Mass: p.GetBase().GetMass()}, Last: r.key(p.GetLast())}
	for _, t := range p.GetTerms() {
		out.Terms = append(out.Terms, rolling.Term{
			Key: r.key(t.GetKey()), Revision: int(t.GetRevision()), Score: t.GetScore(), Weight: t.GetWeight(),
		})
	}
	return out
}

func (r *reader) key(k *valencev1.RollingKey) rolling.Key {
	return rolling.Key{End: r.instant(k.GetEnd()), Participant: k.GetParticipant(), ID: k.GetId()}
}

func (r *reader) instant(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return r.time(t)
}
