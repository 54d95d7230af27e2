package rolling

import (
	"slices"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/sink"
)

// Session keeps the values of one call. It is used by one goroutine at a time.
type Session struct {
	cfg          Config
	whole        *mean
	participants map[string]*mean
}

// New returns a Session that has counted nothing.
func New(cfg Config) (*Session, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Session{cfg: cfg, whole: &mean{halfLife: cfg.HalfLife}, participants: map[string]*mean{}}, nil
}

// Apply counts the event, if it is final and of the kind that counts, and
// fills in its Rolling. An id that was counted is replaced by a higher
// revision and ignored otherwise.
//
// It returns false if the event should count but came later than Keep: its
// Rolling is then the oldest that is known.
func (s *Session) Apply(e *sink.Event) bool {
	own := s.of(e.Participant)
	key := Key{End: e.Window.End, Participant: e.Participant, ID: e.ID}
	known := true
	if e.Window.Kind == s.cfg.Kind && e.State != features.Provisional {
		t := Term{Key: key, Revision: e.Revision, Score: float64(e.Score), Weight: s.cfg.Weight(e)}
		known = s.count(own, t)
		if listens(e) && !s.cfg.Listeners {
			t.Weight = 0 // it may replace one that counted
		}
		known = s.count(s.whole, t) && known
	}
	mine, all := own.at(key, key.End), s.whole.at(key, key.End)
	e.Rolling = sink.Rolling{
		Participant: sink.Round(s.value(mine)),
		Session:     sink.Round(s.value(all)),
		HalfLife:    sink.Duration(s.cfg.HalfLife),
		Mass:        sink.Round(mine.Mass),
		SessionMass: sink.Round(all.Mass),
	}
	return known
}

// count enters a term and folds what can no longer be corrected.
func (s *Session) count(m *mean, t Term) bool {
	known := m.set(t)
	if n := len(m.terms); n > 0 {
		m.fold(m.terms[n-1].End.Add(-s.cfg.Keep))
	}
	return known
}

func (s *Session) of(participant string) *mean {
	m, ok := s.participants[participant]
	if !ok {
		m = &mean{halfLife: s.cfg.HalfLife}
		s.participants[participant] = m
	}
	return m
}

func (s *Session) value(t Total) float64 { return t.Sum / (t.Mass + s.cfg.Prior) }

// At returns the session's value and mass at t, which may be later than the
// last event: what was counted has aged.
func (s *Session) At(t time.Time) (value, mass float64) { return s.aged(s.whole, t) }

// ParticipantAt returns the value and mass of one participant at t; both are 0
// for one who is not known.
func (s *Session) ParticipantAt(participant string, t time.Time) (value, mass float64) {
	m, ok := s.participants[participant]
	if !ok {
		return 0, 0
	}
	return s.aged(m, t)
}

func (s *Session) aged(m *mean, t time.Time) (value, mass float64) {
	total := m.at(Key{End: t.Add(1)}, t) // every key that ends at t or before
	return s.value(total), total.Mass
}

// Resume takes the values over from the last published event of a participant,
// in a Session that has counted nothing of it yet. Give it the last event of
// each participant: the newest sets the session's value.
//
// The values go on as if they had never stopped, up to the rounding of the
// printed numbers (half of the fourth decimal), which fades with the half-life.
// What came before the event can no longer be corrected.
func (s *Session) Resume(e *sink.Event) {
	key := Key{End: e.Window.End, Participant: e.Participant, ID: e.ID}
	r := e.Rolling
	s.resume(s.of(e.Participant), key, float64(r.Participant), float64(r.Mass))
	s.resume(s.whole, key, float64(r.Session), float64(r.SessionMass))
}

func (s *Session) resume(m *mean, k Key, value, mass float64) {
	if len(m.terms) == 0 && k.compare(m.last) > 0 {
		m.base, m.last = Total{Sum: value * (mass + s.cfg.Prior), Mass: mass}, k
	}
}

// Forget erases a participant: their own value, and what of the call's value can
// still be told apart. The rest of it fades with the half-life.
func (s *Session) Forget(participant string) {
	delete(s.participants, participant)
	s.whole.terms = slices.DeleteFunc(s.whole.terms, func(t Term) bool { return t.Participant == participant })
	s.whole.resum(0)
}

// State is everything that a Session knows, as numbers, times and ids.
type State struct {
	Session      Part            `json:"session"`
	Participants map[string]Part `json:"participants"`
}

// Part is one value: the total of what is folded, as of the key Last, and the
// terms that may still be corrected.
type Part struct {
	Base  Total  `json:"base"`
	Last  Key    `json:"last"`
	Terms []Term `json:"terms"`
}

// Snapshot returns a copy of the state.
func (s *Session) Snapshot() State {
	state := State{Session: part(s.whole), Participants: map[string]Part{}}
	for id, m := range s.participants {
		state.Participants[id] = part(m)
	}
	return state
}

func part(m *mean) Part { return Part{Base: m.base, Last: m.last, Terms: slices.Clone(m.terms)} }

// Restore replaces what the Session knows by a snapshot: it goes on as if it
// had never stopped.
func (s *Session) Restore(state State) {
	s.whole = s.mean(state.Session)
	s.participants = map[string]*mean{}
	for id, p := range state.Participants {
		s.participants[id] = s.mean(p)
	}
}

func (s *Session) mean(p Part) *mean {
	m := &mean{halfLife: s.cfg.HalfLife, base: p.Base, last: p.Last, terms: slices.Clone(p.Terms)}
	m.resum(0)
	return m
}
