package worker

import (
	"context"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/sink/eventpb"
	"github.com/valence-live/valence/sink/rolling"
)

// snapshot is what an earlier owner of a call has left.
type snapshot struct {
	id      string
	state   pipeline.State
	purpose ingest.Purpose
	rights  map[string][ingest.NumModalities]bool
	heard   time.Time // of the log, when it was found
	begun   time.Time // what the first record of the call told; zero if unknown
}

// stateKey is the key of a participant's record in the state topic.
func stateKey(session, participant string) string { return session + "/" + participant }

// checkpoint waits until what came so far is published, adds the state to the
// values, and returns from where on records are still needed.
func (s *session) checkpoint(ctx context.Context, values map[string][]byte) (offsets, error) {
	if s.call == nil {
		return s.marks.from(s.now), nil
	}
	state, err := s.call.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	needed := s.now
	for id, p := range s.people {
		if err := s.save(values, id, p, state); err != nil {
			return nil, err
		}
		end := state.Published[id].Until // zero if all that came of theirs is needed
		if p.last.IsZero() || s.over(p, end) {
			continue // nothing but a consent, or nothing that can change
		}
		if end.Before(needed) {
			needed = end
		}
	}
	return s.marks.from(needed.Add(-s.reach())), nil
}

// reach is how far before the end of a window lies what it, its corrections, its
// context and its features may need. The last two begin where a window does.
func (s *session) reach() time.Duration {
	align := s.lane.worker.cfg.Call.Align
	before := align.Context
	if s.media {
		before = max(before, normalised)
	}
	return before + align.Limits.Window + align.Correction + align.Lateness
}

// over reports whether nothing of a person can change any more.
func (s *session) over(p *person, published time.Time) bool {
	return !published.Before(p.last) && s.now.Sub(p.last) > s.reach()
}

// save adds a participant's record to the values.
func (s *session) save(values map[string][]byte, id string, p *person, state pipeline.State) error {
	rights := p.rights()
	mine := rolling.State{Session: state.Rolling.Session, Participants: map[string]rolling.Part{}}
	if part, ok := state.Rolling.Participants[id]; ok {
		mine.Participants[id] = part
	}
	record := eventpb.FromState(eventpb.State{Session: s.id, Participant: id, WindowEnd: state.Published[id].Until, Rolling: mine})
	record.Apart = fromApart(state.Published[id].Apart)
	record.Consent = &valencev1.Consent{Text: rights[ingest.Text], Audio: rights[ingest.Audio], Video: rights[ingest.Video], Purpose: string(s.purpose)}
	record.Begun = timestamppb.New(s.begun)
	if before, ok := s.lane.over[s.id]; ok {
		record.Ended = before.at
	}
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(record)
	values[stateKey(s.id, id)] = value
	return err
}

// restore gathers what earlier owners of the lane's calls have left. A record
// that cannot be read is left out: its call begins anew.
func (l *lane) restore(ctx context.Context, saved map[string][]byte) {
	for key, value := range saved {
		record := new(valencev1.State)
		if err := proto.Unmarshal(value, record); err != nil {
			l.worker.trouble.Warn(ctx, poison("the state of %q: %w", key, err))
			continue
		}
		if stateKey(record.GetSession(), record.GetParticipant()) != key {
			l.worker.trouble.Warn(ctx, poison("the state of %q says that it is of %q", key, record.GetSession()))
			continue
		}
		l.addOver(record)
		if record.GetConsent() == nil {
			continue
		}
		state, err := eventpb.ToState(record)
		if err != nil {
			l.worker.trouble.Warn(ctx, err)
			continue
		}
		l.add(record, state)
	}
}

func (l *lane) add(record *valencev1.State, state eventpb.State) {
	s, ok := l.left[record.GetSession()]
	if !ok {
		s = snapshot{
			id: record.GetSession(), purpose: l.worker.cfg.Purpose,
			state:  pipeline.State{Rolling: rolling.State{Participants: map[string]rolling.Part{}}, Published: map[string]pipeline.Published{}},
			rights: map[string][ingest.NumModalities]bool{},
		}
	}
	who := record.GetParticipant()
	// Each record holds the value of the whole call as it was then: the newest counts.
	if newer(state.Rolling.Session, s.state.Rolling.Session) {
		s.state.Rolling.Session = state.Rolling.Session
	}
	if part, ok := state.Rolling.Participants[who]; ok {
		s.state.Rolling.Participants[who] = part
	}
	if begun := record.GetBegun(); begun.IsValid() {
		s.begun = begun.AsTime()
	}
	if !state.WindowEnd.IsZero() || len(record.GetApart()) > 0 {
		s.state.Published[who] = pipeline.Published{Until: state.WindowEnd, Apart: toApart(record.GetApart())}
	}
	if c := record.GetConsent(); c != nil {
		s.rights[who] = [ingest.NumModalities]bool{c.GetText(), c.GetAudio(), c.GetVideo()}
		if p, err := ingest.ParsePurpose(c.GetPurpose()); err == nil && !p.Widens(s.purpose) {
			s.purpose = p
		}
	}
	l.left[s.id] = s
}

func fromApart(windows map[string]pipeline.Revision) []*valencev1.PublishedWindow {
	out := make([]*valencev1.PublishedWindow, 0, len(windows))
	for _, id := range slices.Sorted(maps.Keys(windows)) {
		w := windows[id]
		out = append(out, &valencev1.PublishedWindow{
			Id: id, End: timestamppb.New(w.End), Revision: int32(w.Number), //nolint:gosec // G115: a revision counts corrections within half a minute
		})
	}
	return out
}

// toApart reads a missing end as one long ago, which is soon forgotten.
func toApart(windows []*valencev1.PublishedWindow) map[string]pipeline.Revision {
	out := make(map[string]pipeline.Revision, len(windows))
	for _, w := range windows {
		out[w.GetId()] = pipeline.Revision{Number: int(w.GetRevision()), End: w.GetEnd().AsTime()}
	}
	return out
}

// newer reports whether a value has counted something that another has not.
func newer(a, b rolling.Part) bool { return lastOf(a).After(lastOf(b)) }

func lastOf(p rolling.Part) time.Time {
	if n := len(p.Terms); n > 0 {
		return p.Terms[n-1].End
	}
	return p.Last.End
}

// drop leaves a participant out.
func (s *snapshot) drop(who string) {
	delete(s.state.Published, who)
	delete(s.rights, who)
	delete(s.state.Rolling.Participants, who)
}

// forget deletes the records.
func (s *snapshot) forget(values map[string][]byte) {
	for who := range s.rights {
		values[stateKey(s.id, who)] = nil
	}
}
