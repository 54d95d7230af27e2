package relay

import (
	"context"
	"errors"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/pipeline"
)

// Recording sends a recorded call on, whose samples say what time it is. Nobody
// else goes on with it: at the end of its source it is over.
func Recording(ctx context.Context, session string, source ingest.Source, engine *pipeline.Engine, log Log) error {
	stage, err := Stages(engine, log)(session, pipeline.CallConfig{}, nil)
	if err != nil {
		return err
	}
	r, ok := stage.(*Relay)
	if !ok {
		return errors.New("a stage of a relay is none") // cannot be: Stages makes no other
	}
	if err = r.Start(ctx); err != nil {
		return err
	}
	err = source.Run(ctx, recorded{r})
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(err, r.Finish(ctx), r.end(ctx)) // also of a file that broke off
}

// end says that the call is over.
func (r *Relay) end(ctx context.Context) error {
	for p := range r.sequence { // whoever: it concerns the call
		return r.control(ctx, p, &valencev1.Control{Kind: &valencev1.Control_SessionEnd{SessionEnd: &valencev1.SessionEnd{}}})
	}
	return nil
}

// recorded tells the relay the time by the samples.
type recorded struct{ calls.Stage }

// Handle implements ingest.Handler.
func (r recorded) Handle(ctx context.Context, s ingest.Sample) error {
	if err := r.Advance(s.Time); err != nil {
		return err
	}
	return r.Stage.Handle(ctx, s)
}
