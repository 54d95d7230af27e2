package worker

import (
	"context"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/kafka"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
)

// Config says how records become calls.
type Config struct {
	// Call is what each call is run with; its Mode and Resume are set here.
	Call pipeline.CallConfig
	// Upstream states that consent was given before the records were written.
	// Otherwise it must come as a control record.
	Upstream bool
	// Purpose is what calls are analysed for unless a control record narrows it.
	Purpose ingest.Purpose
	// Idle is how much further the log of a partition may go on than a call in
	// it: then the call is closed.
	Idle time.Duration
	// MaxParticipants is how many people one call may have.
	MaxParticipants int
	// Flush waits until the publisher has delivered what it took; nil where it
	// delivers at once. Nothing is committed before.
	Flush func(ctx context.Context) error
}

// Worker makes the lanes of a consumer. It implements kafka.Handler.
type Worker struct {
	cfg       Config
	engine    *pipeline.Engine
	publisher sink.Publisher
	set       telemetry.Settings
	count     counters
	trouble   *telemetry.Trouble
}

// New returns a Worker. Events go to publisher; where that is a sink.Eraser too,
// it forgets people on demand.
func New(cfg Config, engine *pipeline.Engine, publisher sink.Publisher, set telemetry.Settings) (*Worker, error) {
	cfg.Call.Mode = pipeline.Log
	count, err := newCounters(set.Meter)
	if err != nil {
		return nil, err
	}
	return &Worker{
		cfg: cfg, engine: engine, publisher: publisher, set: set, count: count,
		trouble: telemetry.NewTrouble(set.Logger, "a record could not be used"),
	}, nil
}

// Open implements kafka.Handler.
func (w *Worker) Open(ctx context.Context, partition int, state kafka.State) (kafka.Lane, error) {
	l := &lane{
		worker: w, partition: partition, state: state, ctx: ctx,
		next: offsets{}, sessions: map[string]*session{}, left: map[string]snapshot{}, over: map[string]*over{}, dirty: map[string][]byte{},
	}
	if state == nil {
		return l, nil
	}
	saved, err := state.Load(ctx)
	if err != nil {
		return nil, err
	}
	l.restore(ctx, saved)
	return l, nil
}

// contract is how the vectors must have been made that the model reads.
func (w *Worker) contract() string { return w.engine.Model().Contract.Hash }
