package calls

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
)

// What a Registry is asked in vain.
var (
	// ErrUnknown says that there is no such call or participant.
	ErrUnknown = errors.New("not known here")
	// ErrNoConsent says that the person has not agreed to what would be needed.
	ErrNoConsent = errors.New("no consent")
	// ErrEnded says that the call is over, or its participant was erased.
	ErrEnded = errors.New("the call has ended")
)

// Memory is where events of live calls are kept for those who watch. It is told
// of what happens besides.
type Memory interface {
	// Tell fails only once the memory is closed. Of one who was erased it forgets
	// everything.
	Tell(s sink.Status) error
}

// Registry holds the live calls. It implements ingest.Seating. Its methods may
// be called from any goroutine.
type Registry struct {
	cfg       Config
	call      pipeline.CallConfig
	stages    Stages
	publisher sink.Publisher
	memory    Memory
	set       telemetry.Settings
	counters  counters

	ctx     context.Context //nolint:containedctx // bounds the calls, which outlive those who begin them
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	calls  map[string]*call
	closed bool
}

// New checks the settings and starts nothing. Events go to publisher, what else
// there is to say of participants to memory.
func New(cfg Config, callConfig pipeline.CallConfig, stages Stages, publisher sink.Publisher, memory Memory, set telemetry.Settings) (*Registry, error) {
	callConfig.Mode = pipeline.Live
	if err := errors.Join(cfg.Validate(), callConfig.Align.Validate(), callConfig.Rolling.Validate()); err != nil {
		return nil, err
	}
	r := &Registry{
		cfg: cfg, call: callConfig, stages: stages, publisher: publisher, memory: memory, set: set,
		calls: make(map[string]*call),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	var err error
	r.counters, err = newCounters(set.Meter, r)
	return r, err
}

// Join implements ingest.Seating.
func (r *Registry) Join(e ingest.Entry) (ingest.Seat, error) {
	p, err := r.person(e.Session, e.Participant, e.Purpose)
	if err != nil {
		return nil, err
	}
	if len(e.Consent) > 0 {
		p.id.Grant(e.Consent...)
	}
	return p.join(), nil
}

// SetConsent records what a participant agrees to have analysed, in place of
// what was agreed to before, and what the call is for, unless that is empty.
func (r *Registry) SetConsent(session, participant string, consent sink.Modes[bool], purpose ingest.Purpose) (sink.Status, error) {
	p, err := r.person(session, participant, purpose)
	if err != nil {
		return sink.Status{}, err
	}
	for m, agreed := range [ingest.NumModalities]bool{consent.Text, consent.Audio, consent.Video} {
		if agreed {
			p.id.Grant(ingest.Modality(m))
		} else {
			p.id.Revoke(ingest.Modality(m))
		}
	}
	p.call.withdraw(p)
	return p.tell(), nil
}

// Revoke takes all consent of a participant back.
func (r *Registry) Revoke(session, participant string) error {
	p, err := r.find(session, participant)
	if err != nil {
		return err
	}
	all := ingest.Modalities()
	p.id.Revoke(all[:]...)
	p.call.withdraw(p)
	p.tell()
	return nil
}

// Transcribe takes segments of what a participant said; see ingest.Seat.
func (r *Registry) Transcribe(ctx context.Context, session, participant, contentType string, message []byte) (int, error) {
	p, err := r.find(session, participant)
	if err != nil {
		return 0, err
	}
	return p.transcribe(ctx, contentType, message)
}

// Erase forgets everything that is known of a participant: what is kept of the
// streams, the rolling score, the events, the consent. Connections that the
// participant still has come to an end.
func (r *Registry) Erase(session, participant string) error {
	p, err := r.find(session, participant)
	if err != nil {
		return err
	}
	p.call.erase(p)
	return nil
}

// Sessions returns the calls, in the order of their ids.
func (r *Registry) Sessions() []SessionState {
	r.mu.Lock()
	calls := make([]*call, 0, len(r.calls))
	for _, c := range r.calls {
		calls = append(calls, c)
	}
	r.mu.Unlock()
	slices.SortFunc(calls, func(a, b *call) int { return strings.Compare(a.id, b.id) })
	states := make([]SessionState, len(calls))
	for i, c := range calls {
		states[i] = c.state()
	}
	return states
}

// Session returns one call.
func (r *Registry) Session(id string) (SessionState, bool) {
	r.mu.Lock()
	c, ok := r.calls[id]
	r.mu.Unlock()
	if !ok {
		return SessionState{}, false
	}
	return c.state(), true
}

// Ready says why no new call can be taken; nil if one can.
func (r *Registry) Ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.room()
}

// room is Ready for a caller who holds the lock.
func (r *Registry) room() error {
	switch {
	case r.closed:
		return fmt.Errorf("%w: the program is about to stop", ingest.ErrFull)
	case len(r.calls) >= r.cfg.Max:
		return fmt.Errorf("%w: %d calls go on already (calls.max)", ingest.ErrFull, len(r.calls))
	default:
		return nil
	}
}

// Shutdown ends every call: what is open becomes final and is published, for as
// long as ctx lets it. It may be called again.
func (r *Registry) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	for _, c := range r.calls {
		c.end()
	}
	r.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		r.running.Wait()
		close(ended)
	}()
	defer r.cancel()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		r.cancel()
		<-ended
		return fmt.Errorf("end the calls: %w", ctx.Err())
	}
}

// person returns a participant, made with the call if there is none.
func (r *Registry) person(session, participant string, purpose ingest.Purpose) (*person, error) {
	id, err := ingest.NewParticipant(session, participant)
	if err != nil {
		return nil, err
	}
	if purpose != "" {
		if _, err = ingest.ParsePurpose(string(purpose)); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.calls[session]
	if !ok || r.closed {
		if err = r.room(); err != nil {
			return nil, err
		}
		if c, err = r.begin(session); err != nil {
			return nil, err
		}
	}
	return c.person(id, purpose)
}

// begin starts a call. The caller holds the lock.
func (r *Registry) begin(session string) (*call, error) {
	c, err := newCall(session, r)
	if err != nil {
		return nil, err
	}
	r.calls[session] = c
	r.running.Go(func() { c.run(r.ctx) })
	return c, nil
}

// find returns a participant who is known.
func (r *Registry) find(session, participant string) (*person, error) {
	r.mu.Lock()
	c, ok := r.calls[session]
	r.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("session %q is %w", session, ErrUnknown)
	}
	if p := c.find(participant); p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("participant %q of session %q is %w", participant, session, ErrUnknown)
}

// over takes a call out if it is still idle; it reports whether it did, so that
// nobody joins a call that is about to end.
func (r *Registry) over(c *call, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !c.idle(now, r.cfg.Idle) {
		return false
	}
	delete(r.calls, c.id)
	return true
}

// tell lets those who watch know. Once the memory is closed nobody does.
func (r *Registry) tell(s sink.Status) { _ = r.memory.Tell(s) }

// remove takes a call out that has ended.
func (r *Registry) remove(c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls[c.id] == c {
		delete(r.calls, c.id)
	}
}
