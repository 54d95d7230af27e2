package calls

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
)

// tick is how often a call looks at the clock: windows in which nothing comes
// close by it, so it is a part of their latency.
const tick = 100 * time.Millisecond

// call is one live call. run is its goroutine; the other methods may be called
// from any.
type call struct {
	id       string
	registry *Registry
	stage    Stage
	inbox    *inbox
	trouble  *telemetry.Trouble
	stop     chan struct{}
	stopping sync.Once

	mu      sync.Mutex
	people  map[string]*person
	purpose ingest.Purpose
	quiet   time.Time // since when nobody is connected
}

func newCall(id string, r *Registry) (*call, error) {
	c := &call{
		id: id, registry: r, stop: make(chan struct{}), quiet: time.Now(),
		people: make(map[string]*person), purpose: r.cfg.Purpose,
		trouble: telemetry.NewTrouble(r.set.Logger, "a sample of a live call could not be used"),
	}
	c.inbox = newInbox(c.shed)
	cfg := r.call
	cfg.Observe, cfg.Silent = c.scored, c.silent
	var err error
	c.stage, err = r.stages(id, cfg, c)
	return c, err
}

// run is the life of the call.
func (c *call) run(ctx context.Context) {
	if err := c.stage.Start(ctx); err != nil {
		c.trouble.Warn(ctx, err)
		return
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var batch []errand
	for {
		select {
		case <-c.inbox.filled:
			batch = c.inbox.take(batch)
			c.work(ctx, batch)
		case now := <-ticker.C:
			c.advance(ctx, now)
			if c.registry.over(c, now) {
				c.finish(ctx)
				return
			}
		case <-c.stop:
			c.finish(ctx)
			return
		case <-ctx.Done():
			c.finish(ctx)
			return
		}
	}
}

// work does the errands in their order and leaves none behind.
func (c *call) work(ctx context.Context, batch []errand) {
	for i := range batch {
		if do := batch[i].do; do != nil {
			do()
		} else {
			c.handle(ctx, batch[i].sample)
		}
		batch[i] = errand{}
	}
}

func (c *call) handle(ctx context.Context, s ingest.Sample) {
	if p := c.find(s.Track.Participant.ID()); p != nil {
		if gap, ok := p.explain(s); ok {
			c.try(ctx, c.stage.Handle(ctx, gap))
		}
	}
	c.try(ctx, c.stage.Handle(ctx, s))
}

// advance tells the pipeline what time it is. Of those who speak by transcript
// it says that what was said by the allowed lateness ago has been heard, so that
// windows do not wait for a pause to end.
func (c *call) advance(ctx context.Context, now time.Time) {
	heard := now.Add(-c.registry.call.Align.Lateness)
	for _, p := range c.everybody() {
		if p.speaks() {
			c.try(ctx, c.stage.Handle(ctx, ingest.Sample{Track: p.tracks[ingest.Text], Time: heard, Payload: ingest.Progress{}}))
		}
	}
	c.try(ctx, c.stage.Advance(now))
}

// try reports what could not be used. The call goes on.
func (c *call) try(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		c.trouble.Warn(ctx, err)
	}
}

// finish takes what still waits, closes what is open, and forgets the call.
func (c *call) finish(ctx context.Context) {
	c.work(ctx, c.inbox.close())
	c.try(ctx, c.stage.Finish(ctx))
	c.registry.remove(c)
}

// end asks the call to finish.
func (c *call) end() { c.stopping.Do(func() { close(c.stop) }) }

// idle reports whether nobody has been connected for so long.
func (c *call) idle(now time.Time, long time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.people {
		if p.connected() {
			return false
		}
	}
	return now.Sub(c.quiet) >= long
}

// active notes that something happened for the sake of which the call is kept.
func (c *call) active() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = time.Now()
}

// person returns a participant, made if there is none, and lays the purpose
// over the call unless it is empty.
func (c *call) person(id *ingest.Participant, purpose ingest.Purpose) (*person, error) {
	c.mu.Lock()
	if purpose != "" && purpose.Widens(c.purpose) {
		defer c.mu.Unlock()
		return nil, fmt.Errorf("%w: the call %q is analysed for %q, which cannot be widened to %q while it lasts", ingest.ErrPurpose, c.id, c.purpose, purpose)
	}
	p, ok := c.people[id.ID()]
	if !ok {
		if n := len(c.people); n >= c.registry.cfg.MaxParticipants {
			c.mu.Unlock()
			return nil, fmt.Errorf("%w: %d people take part in %q already (calls.max_participants)", ingest.ErrFull, n, c.id)
		}
		p = newPerson(c, id)
		p.id.Restrict(c.purpose)
		c.people[id.ID()] = p
	}
	c.quiet = time.Now()
	changed := purpose != "" && purpose != c.purpose
	if changed {
		c.purpose = purpose
	}
	c.mu.Unlock()
	if changed {
		for _, other := range c.everybody() {
			other.id.Restrict(purpose)
			c.withdraw(other)
			other.tell()
		}
	}
	return p, nil
}

func (c *call) find(participant string) *person {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.people[participant]
}

func (c *call) everybody() []*person {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.people))
}

// withdraw erases what may no longer be analysed.
func (c *call) withdraw(p *person) {
	c.errand(func() error { return c.stage.Withdraw(p.id) })
}

// errand has something done on the call's goroutine. Of a call that has ended
// nothing is left to do it to.
func (c *call) errand(do func() error) {
	_ = c.inbox.put(errand{do: func() { c.try(c.registry.ctx, do()) }})
}

// erase forgets a participant.
func (c *call) erase(p *person) {
	c.mu.Lock()
	if c.people[p.id.ID()] == p {
		delete(c.people, p.id.ID())
	}
	c.mu.Unlock()
	all := ingest.Modalities()
	p.id.Revoke(all[:]...)
	p.erase()
	c.registry.tell(sink.Status{Session: c.id, Participant: p.id.ID(), At: time.Now().UTC(), State: sink.Erased, Purpose: c.purposeNow()})
	c.errand(func() error {
		err := c.stage.Forget(p.id)
		if e, ok := c.registry.publisher.(sink.Eraser); ok {
			err = errors.Join(err, e.Erase(c.registry.ctx, c.id, p.id.ID()))
		}
		return err
	})
}

func (c *call) purposeNow() ingest.Purpose {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.purpose
}

// shed counts what the inbox had no room for.
func (c *call) shed(s ingest.Sample) {
	if p := c.find(s.Track.Participant.ID()); p != nil {
		p.leftOut(s)
	}
	release(s)
	c.registry.counters.shed(s.Track.Modality)
}

// Publish implements sink.Publisher for the pipeline: nothing of one who was
// erased goes out.
func (c *call) Publish(ctx context.Context, e *sink.Event) error {
	p := c.find(e.Participant)
	if p == nil {
		return nil
	}
	return p.publish(ctx, e, c.registry.publisher)
}

// scored and silent are told by the pipeline what became of windows.
func (c *call) scored(s inference.Score) {
	if p := c.find(s.Window.Participant.ID()); p != nil {
		p.now(sink.Scoring, nil)
	}
}

func (c *call) silent(w *features.Window) {
	p := c.find(w.Participant.ID())
	if p == nil || !p.connected() {
		return
	}
	p.now(sink.NoData, &sink.Modes[ingest.Reason]{
		Text:  w.Streams[ingest.Text].Reason,
		Audio: w.Streams[ingest.Audio].Reason,
		Video: w.Streams[ingest.Video].Reason,
	})
}

// release gives back what a sample holds.
func release(s ingest.Sample) {
	if p, ok := s.Payload.(*ingest.Picture); ok {
		p.Release()
	}
	s.Receipt.Release()
}
