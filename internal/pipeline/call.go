package pipeline

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/queue"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/rolling"
)

// ErrFinished says that a Call was asked to go on after Finish.
var ErrFinished = errors.New("the call is finished")

// windowQueue is how many closed windows may wait for the model before Handle
// blocks: about a minute of one participant.
const windowQueue = 64

// Call turns the Samples of one session into published events. It is an
// ingest.Handler.
//
// Handle extracts and aligns on the caller's goroutine; one goroutine of its
// own predicts, keeps the rolling score and publishes. Final windows leave in
// the order (window end, participant), provisional ones as they come. Both ends
// block, and nothing is dropped but what a live call sheds. Start, then Handle
// any number of times, then Finish; all methods are called by one goroutine.
//
// Of a recorded call the Samples say what time it is; others are told by Advance
// (see Mode).
type Call struct {
	cfg       CallConfig
	engine    *Engine
	publisher sink.Publisher
	count     counters
	trouble   *telemetry.Trouble

	extraction *Extraction
	people     map[*ingest.Participant]*align.Aligner
	order      *sequence
	now        time.Time // the newest Sample's time: event time in a replay
	windows    *queue.Queue[closed]
	scoring    *errgroup.Group
	stopped    context.Context //nolint:containedctx // ends when scoring has failed, so that Handle does not block for ever
	finished   bool
}

// closed is a window and how long after its end, in event time, it was closed.
type closed struct {
	*features.Window
	at     time.Time // wall time
	late   time.Duration
	losses uint64 // of its participant's rights, when it was closed
	cause  Cause

	// Instead of a window: what is done between two of them.
	do func(*scorer)
}

// Mode says where the time of a call comes from, and what happens when it
// cannot keep up.
type Mode uint8

// The modes.
const (
	// Recorded: the Samples say what time it is. Everything blocks, nothing is
	// dropped, a failure ends the call.
	Recorded Mode = iota
	// Live: people who are there now. Advance says what the clock on the wall
	// shows; a window that cannot be scored is counted and the call goes on;
	// provisional windows are shed while too many wait.
	Live
	// Log: records that can be read again. Advance says what their time stamps
	// say, Tick what the clock on the wall does; else as Recorded.
	Log
)

// CallConfig is what one call is run with.
type CallConfig struct {
	Align   align.Config
	Rolling rolling.Config
	// Observe, if set, sees each Score before its event is published, on the
	// scoring goroutine; it must not keep the Window.
	Observe func(inference.Score)
	// Silent, if set, sees each final window in which there was nothing to score,
	// on the scoring goroutine; it must not keep the Window.
	Silent func(*features.Window)
	Mode   Mode
	// Cause, if set, says what led to a window of a participant that closes now. It
	// is called by the goroutine that calls the Call.
	Cause func(*ingest.Participant) Cause
	// Resume is where an earlier owner of the call left off; nil for a new one.
	Resume *Resume
}

// NewCall checks the settings and starts nothing. Events go to publisher.
func (e *Engine) NewCall(cfg CallConfig, publisher sink.Publisher) (*Call, error) {
	if err := errors.Join(cfg.Align.Validate(), cfg.Rolling.Validate()); err != nil {
		return nil, err
	}
	extraction, err := e.NewExtraction()
	if err != nil {
		return nil, err
	}
	c := &Call{
		cfg: cfg, engine: e, publisher: publisher, extraction: extraction, count: extraction.count,
		trouble: telemetry.NewTrouble(e.set.Logger, "a window of a live call could not be scored or published"),
		people:  make(map[*ingest.Participant]*align.Aligner),
		order:   newSequence(),
	}
	c.windows, err = queue.New(windowQueue, queue.Block, func(w closed, _ queue.Reason) { c.dropWindow(w, "stopped") })
	return c, err
}

// Start begins scoring. ctx bounds the whole call.
func (c *Call) Start(ctx context.Context) error {
	s, err := c.newScorer()
	if err != nil {
		return err
	}
	c.scoring, c.stopped = errgroup.WithContext(ctx)
	c.scoring.Go(func() error { return s.run(c.stopped) })
	return nil
}

// Run takes everything that a source delivers, from Start to Finish. What a
// source delivered before it failed is scored and published.
func (c *Call) Run(ctx context.Context, source ingest.Source) error {
	if err := c.Start(ctx); err != nil {
		return err
	}
	err := source.Run(ctx, c)
	if finished := c.Finish(ctx); finished != nil && !errors.Is(err, finished) {
		err = errors.Join(err, finished)
	}
	return err
}

// Handle implements ingest.Handler. An error of the scoring side ends the call
// here; Finish returns it.
func (c *Call) Handle(ctx context.Context, s ingest.Sample) error {
	if c.finished {
		return ErrFinished
	}
	if c.stopped.Err() != nil {
		s.Receipt.Release()
		return c.Finish(ctx)
	}
	aligner, err := c.aligner(s.Track.Participant)
	if err != nil {
		return err
	}
	if c.cfg.Mode == Recorded {
		c.advance(s.Time)
	}
	if err := c.extraction.Extract(ctx, s, aligner.Push); err != nil {
		return err
	}
	return c.passOn(ctx, s.Track.Participant, aligner)
}

// Advance says what time it is, on the clock of the Samples' times. A live call
// needs it several times a second: windows close by it where nothing comes.
func (c *Call) Advance(t time.Time) error {
	c.advance(t)
	return c.forward()
}

func (c *Call) advance(t time.Time) {
	if !t.After(c.now) {
		return
	}
	c.now = t
	for _, a := range c.people {
		a.Advance(t)
	}
}

// Push takes a Unit that was extracted elsewhere; the Call owns it.
func (c *Call) Push(ctx context.Context, p *ingest.Participant, u features.Unit) error {
	if c.finished {
		discard(u)
		return ErrFinished
	}
	if c.stopped.Err() != nil {
		discard(u)
		return c.Finish(ctx)
	}
	a, err := c.aligner(p)
	if err != nil {
		return err
	}
	a.Push(u)
	return c.passOn(ctx, p, a)
}

// passOn hands on what a participant's aligner has closed.
func (c *Call) passOn(ctx context.Context, p *ingest.Participant, a *align.Aligner) error {
	if a.Over() {
		c.order.leave(p)
	}
	if c.forward() != nil {
		return c.Finish(ctx)
	}
	return nil
}

// Tick says what the clock on the wall shows, to a call whose time is that of a
// log: it hands out provisional windows that would else wait, and nothing else.
func (c *Call) Tick(wall time.Time) error {
	for _, a := range c.people {
		a.Tick(wall)
	}
	return c.forward()
}

// Withdraw erases what is kept of the streams of a participant that may no
// longer be analysed. Windows that wait to be scored and hold any of it are
// discarded, because the participant's rights were lost since.
func (c *Call) Withdraw(p *ingest.Participant) error {
	if err := c.extraction.Forget(p, c.now, func(m ingest.Modality) bool { return p.Refusal(m) != "" }); err != nil {
		return err
	}
	if a, ok := c.people[p]; ok {
		for _, m := range ingest.Modalities() {
			if why := p.Refusal(m); why != "" {
				a.Withdraw(m, why)
			}
		}
	}
	return c.forward()
}

// Forget erases a participant: what is kept of every stream, and the rolling
// value. One who comes again begins anew.
func (c *Call) Forget(p *ingest.Participant) error {
	if a, ok := c.people[p]; ok {
		a.Close()
		delete(c.people, p)
		c.order.leave(p)
	}
	if err := c.extraction.Forget(p, c.now, func(ingest.Modality) bool { return true }); err != nil {
		return err
	}
	return c.windows.Put(c.stopped, closed{do: func(s *scorer) { s.rolling.Forget(p.ID()) }})
}

// aligner returns the participant's aligner, made at their first sample.
func (c *Call) aligner(p *ingest.Participant) (*align.Aligner, error) {
	if a, ok := c.people[p]; ok {
		return a, nil
	}
	a, err := align.New(p, c.cfg.Align, c.closed)
	if err != nil {
		return nil, err
	}
	if c.cfg.Mode != Recorded {
		a.Advance(c.now)
	}
	c.people[p] = a
	return a, nil
}

// closed takes a window from an aligner. Nobody waits with one that will be
// replaced in two seconds.
func (c *Call) closed(w *features.Window) {
	if w.State != features.Provisional {
		c.order.push(w)
		return
	}
	if c.cfg.Mode == Live && c.windows.Len() >= windowQueue/2 {
		c.dropWindow(c.at(w), string(ingest.ReasonShed))
		return
	}
	_ = c.put(w) // fails only once scoring has stopped, as forward will say
}

// forward hands the windows whose turn has come to the scoring goroutine. It
// fails only once that has stopped.
func (c *Call) forward() error {
	for w := c.order.pop(); w != nil; w = c.order.pop() {
		if err := c.put(w); err != nil {
			return err
		}
	}
	return c.stopped.Err()
}

func (c *Call) put(w *features.Window) error {
	err := c.windows.Put(c.stopped, c.at(w))
	if err != nil {
		w.Release()
	}
	return err
}

// at notes when a window was closed.
func (c *Call) at(w *features.Window) closed {
	out := closed{Window: w, at: time.Now(), late: max(0, c.now.Sub(w.End)), losses: w.Participant.Losses()}
	if c.cfg.Cause != nil {
		out.cause = c.cfg.Cause(w.Participant)
	}
	return out
}

// Finish closes what is open, waits until everything is published and returns
// what went wrong, if anything did. After a failure what was not scored is
// released. It may be called again.
func (c *Call) Finish(ctx context.Context) error {
	if c.finished {
		return c.scoring.Wait()
	}
	c.finished = true
	for p, a := range c.people {
		a.Flush()
		c.count.alignment(ctx, a.Stats())
		c.order.leave(p)
	}
	_ = c.forward() // why it stopped is what Wait returns
	c.windows.Close()
	err := c.scoring.Wait()
	for _, a := range c.people {
		a.Close()
	}
	return err
}
