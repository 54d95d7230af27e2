package calls

import (
	"context"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/sink"
)

// Stage is what a call does with what comes in: a pipeline.Call scores it, a
// relay sends what was extracted on to those who score. One goroutine calls its
// methods: Start first, Finish last.
type Stage interface {
	// Start begins. ctx bounds the whole call.
	Start(ctx context.Context) error
	// Handle takes a Sample and may block while what comes after is full.
	ingest.Handler
	// Advance says what the clock on the wall shows.
	Advance(now time.Time) error
	// Withdraw erases what is kept of the streams of a participant that may no
	// longer be analysed, Forget everything of the participant.
	Withdraw(p *ingest.Participant) error
	Forget(p *ingest.Participant) error
	// Finish closes what is open and waits until it has gone out.
	Finish(ctx context.Context) error
}

// Stages makes the Stage of a call. Events, where it makes any, go to the
// publisher.
type Stages func(session string, cfg pipeline.CallConfig, to sink.Publisher) (Stage, error)

// Scoring are the stages of a process that scores what it takes in.
func Scoring(engine *pipeline.Engine) Stages {
	return func(_ string, cfg pipeline.CallConfig, to sink.Publisher) (Stage, error) {
		return engine.NewCall(cfg, to)
	}
}
