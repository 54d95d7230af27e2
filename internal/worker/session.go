package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/sink"
)

// normalised is how far back features reach that are extracted here: they are
// normalised by what the same track did in the last 30 s.
const normalised = 30 * time.Second

// session is one call of a lane.
type session struct {
	lane    *lane
	id      string
	call    *pipeline.Call
	cancel  context.CancelFunc
	people  map[string]*person
	traces  map[string]pipeline.Cause // by participant
	purpose ingest.Purpose

	from  *snapshot // of an earlier owner
	begun time.Time // what the first record of the call told
	now   time.Time // of the call: the newest time that a record told
	heard time.Time // of the log: when the last record came
	marks marks
	media bool // some features are extracted here
}

// newSession begins a call, or goes on where its earlier owner left off.
func newSession(l *lane, id string) *session {
	s := &session{lane: l, id: id, people: map[string]*person{}, traces: map[string]pipeline.Cause{}, purpose: l.worker.cfg.Purpose}
	if left, ok := l.left[id]; ok {
		delete(l.left, id)
		s.from, s.purpose = &left, left.purpose
	}
	return s
}

// begin starts the call with its first record, which says from when on it can
// be seen whole.
func (s *session) begin(at time.Time) error {
	if s.call != nil {
		return nil
	}
	cfg := s.lane.worker.cfg.Call
	cfg.Cause = s.cause
	s.begun = at
	if s.from != nil {
		s.begun = s.from.begun
		complete := at.Add(cfg.Align.Lateness + cfg.Align.Context)
		if !at.After(s.begun) {
			complete = time.Time{} // this is how it began
		}
		cfg.Resume = &pipeline.Resume{State: s.from.state, Complete: complete}
	}
	call, err := s.lane.worker.engine.NewCall(cfg, s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(s.lane.ctx)
	if err := call.Start(ctx); err != nil {
		cancel()
		return err
	}
	s.call, s.cancel = call, cancel
	return nil
}

// advance moves the call's time.
func (s *session) advance(t time.Time) error {
	if err := s.begin(t); err != nil {
		return err
	}
	if t.After(s.now) {
		s.now = t
	}
	return s.call.Advance(s.now)
}

// handle takes a sample, as a replay does: its time is the time of the call.
func (s *session) handle(ctx context.Context, sample ingest.Sample) error {
	if err := s.advance(sample.Time); err != nil { //nolint:contextcheck // a call lives as long as its lane
		return err
	}
	if p := s.people[sample.Track.Participant.ID()]; p != nil && sample.Time.After(p.last) {
		p.last = sample.Time
	}
	return s.call.Handle(ctx, sample)
}

// person returns a participant, made if there is none.
func (s *session) person(id string) (*person, error) {
	if p, ok := s.people[id]; ok {
		return p, nil
	}
	if id == "" {
		return nil, poison("the header participant is missing: it says whose record it is")
	}
	if most := s.lane.worker.cfg.MaxParticipants; len(s.people) >= most {
		return nil, poison("%d people take part in the call already (calls.max_participants)", most)
	}
	who, err := ingest.NewParticipant(s.id, id)
	if err != nil {
		return nil, err
	}
	who.Restrict(s.purpose)
	p := newPerson(who)
	if s.lane.worker.cfg.Upstream {
		p.agree(true, true, true)
	} else if s.from != nil {
		if rights, ok := s.from.rights[id]; ok {
			p.agree(rights[0], rights[1], rights[2])
		}
	}
	s.people[id] = p
	return p, nil
}

// narrow sets what the call is for, unless that would widen it.
func (s *session) narrow(purpose ingest.Purpose) error {
	if purpose == "" || purpose == s.purpose {
		return nil
	}
	if _, err := ingest.ParsePurpose(string(purpose)); err != nil {
		return poison("%w", err)
	}
	if purpose.Widens(s.purpose) {
		return poison("%w: the call is analysed for %q, which cannot be widened to %q while it lasts", ingest.ErrPurpose, s.purpose, purpose)
	}
	s.purpose = purpose
	for _, p := range s.people {
		p.id.Restrict(purpose)
		if err := s.withdraw(p); err != nil {
			return err
		}
	}
	return nil
}

// withdraw erases what may no longer be analysed.
func (s *session) withdraw(p *person) error {
	if s.call == nil {
		return nil
	}
	return s.call.Withdraw(p.id)
}

// erase forgets a participant here and in every sink.
func (s *session) erase(ctx context.Context, id string) error {
	p, ok := s.people[id]
	if ok {
		all := ingest.Modalities()
		p.id.Revoke(all[:]...)
		delete(s.people, id)
		delete(s.traces, id)
		p.close()
		if s.call != nil {
			if err := s.call.Forget(p.id); err != nil {
				return err
			}
			// Nothing of the person is on its way any more once this has returned.
			if _, err := s.call.Checkpoint(ctx); err != nil {
				return err
			}
		}
	}
	s.lane.dirty[stateKey(s.id, id)] = nil
	if s.from != nil {
		s.from.drop(id)
	}
	if e, ok := s.lane.worker.publisher.(sink.Eraser); ok {
		return e.Erase(ctx, s.id, id)
	}
	return nil
}

// Publish implements sink.Publisher for the pipeline.
func (s *session) Publish(ctx context.Context, e *sink.Event) error {
	return s.lane.worker.publisher.Publish(ctx, e)
}

// finish closes what is open and waits until it is published.
func (s *session) finish(ctx context.Context) error {
	for _, p := range s.people {
		p.close()
	}
	if s.call == nil {
		return nil
	}
	defer s.cancel()
	if err := s.call.Finish(ctx); err != nil {
		return fmt.Errorf("close the call: %w", err)
	}
	return nil
}

// abandon ends the call without publishing anything more.
func (s *session) abandon() {
	for _, p := range s.people {
		p.close()
	}
	if s.call == nil {
		return
	}
	s.cancel()
	// What Finish says is that it was cancelled.
	if err := s.call.Finish(context.WithoutCancel(s.lane.ctx)); err != nil && !errors.Is(err, context.Canceled) {
		s.lane.worker.trouble.Warn(s.lane.ctx, err)
	}
}
