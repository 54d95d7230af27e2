// Package relay is what a gateway does with a live call instead of scoring it:
// it extracts features and appends them to a log, which those read who score.
// No media leaves the gateway.
package relay

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/unitpb"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/sink"
)

// Log takes records. Append may be called from several goroutines; what one of
// them appends under a key stays in its order. It returns when the record is
// safe, and may block while the log cannot be reached.
type Log interface {
	Append(ctx context.Context, r wire.Record) error
}

// advanceEvery is how often the time is appended where nothing else is: half a
// second is how much later a window may close in which nothing came.
const advanceEvery = 500 * time.Millisecond

// Relay is one call of a gateway. It implements calls.Stage.
type Relay struct {
	session    string
	extraction *pipeline.Extraction
	log        Log
	contract   string
	origin     string

	sequence map[*ingest.Participant]uint64
	ctx      context.Context //nolint:containedctx // from Start, for what comes without one
	now      time.Time       // of the call: the newest that was told
	advanced time.Time
	steps    []*valencev1.Step
}

// Stages are those of a process that sends features on. Each call has an origin
// of its own, so that a record that is sent twice is known.
func Stages(engine *pipeline.Engine, log Log) calls.Stages {
	return func(session string, _ pipeline.CallConfig, _ sink.Publisher) (calls.Stage, error) {
		extraction, err := engine.NewExtraction()
		if err != nil {
			return nil, err
		}
		return &Relay{
			session: session, extraction: extraction, log: log, origin: rand.Text(),
			contract: engine.Model().Contract.Hash, sequence: map[*ingest.Participant]uint64{},
		}, nil
	}
}

// Start implements calls.Stage.
func (r *Relay) Start(ctx context.Context) error {
	r.ctx = ctx
	return nil
}

// Handle implements ingest.Handler.
func (r *Relay) Handle(ctx context.Context, s ingest.Sample) error {
	r.steps = r.steps[:0]
	var wrong error
	who, at := s.Track.Participant, s.Time
	r.tell(at)
	err := r.extraction.Extract(ctx, s, func(u features.Unit) {
		step, err := unitpb.FromUnit(u)
		if err != nil {
			wrong = err
			return
		}
		r.steps = append(r.steps, step)
	})
	return errors.Join(err, wrong, r.append(ctx, who, at))
}

// Advance implements calls.Stage.
func (r *Relay) Advance(now time.Time) error {
	r.tell(now)
	if now.Sub(r.advanced) < advanceEvery {
		return nil
	}
	r.advanced = now
	for who := range r.sequence { // whoever: it is the time of the call
		r.steps = append(r.steps[:0], unitpb.Advance(now))
		return r.append(r.ctx, who, now)
	}
	return nil
}

// Withdraw implements calls.Stage.
func (r *Relay) Withdraw(p *ingest.Participant) error {
	refused := func(m ingest.Modality) bool { return p.Refusal(m) != "" }
	if err := r.extraction.Forget(p, r.now, refused); err != nil {
		return err
	}
	r.steps = r.steps[:0]
	for _, m := range ingest.Modalities() {
		if why := p.Refusal(m); why != "" {
			r.steps = append(r.steps, unitpb.Withdraw(m, why))
		}
	}
	if r.sequence[p] == 0 {
		return nil // nothing was sent of them
	}
	return r.append(r.ctx, p, r.now)
}

// Forget implements calls.Stage.
func (r *Relay) Forget(p *ingest.Participant) error {
	err := r.extraction.Forget(p, r.now, func(ingest.Modality) bool { return true })
	err = errors.Join(err, r.control(r.ctx, p, &valencev1.Control{Kind: &valencev1.Control_Erase{Erase: &valencev1.Erase{}}}))
	delete(r.sequence, p)
	return err
}

// Finish implements calls.Stage. The people leave; the call itself may go on at
// another gateway.
func (r *Relay) Finish(ctx context.Context) error {
	var errs []error
	for p := range r.sequence {
		errs = append(errs,
			r.extraction.Forget(p, r.now, func(ingest.Modality) bool { return true }),
			r.control(ctx, p, &valencev1.Control{Kind: &valencev1.Control_Leave{Leave: &valencev1.Leave{}}}))
	}
	return errors.Join(errs...)
}

// tell notes how far the call has come.
func (r *Relay) tell(t time.Time) {
	if t.After(r.now) {
		r.now = t
	}
}

func (r *Relay) control(ctx context.Context, p *ingest.Participant, c *valencev1.Control) error {
	c.Time = timestamppb.New(r.now)
	r.steps = append(r.steps[:0], unitpb.Control(c))
	return r.append(ctx, p, r.now)
}

// append sends the steps on, if there are any.
func (r *Relay) append(ctx context.Context, p *ingest.Participant, at time.Time) error {
	if len(r.steps) == 0 {
		return nil
	}
	r.sequence[p]++
	message := &valencev1.Features{Contract: r.contract, Origin: r.origin, Sequence: r.sequence[p], Steps: r.steps}
	record, err := wire.Encode(r.session, message, wire.Protobuf, wire.Meta{
		ID: rand.Text(), Source: "/gateway/" + r.origin, Time: at, Participant: p.ID(),
	})
	if err != nil {
		return err
	}
	return r.log.Append(ctx, record)
}
