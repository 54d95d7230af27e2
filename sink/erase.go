package sink

import (
	"context"
	"errors"
	"sync"
)

// Eraser is a Publisher that keeps what it got and can forget a person.
type Eraser interface {
	// Erase deletes everything of a participant. Events that were published before
	// it was called are deleted too, those that come after are not. It may be
	// called again.
	Erase(ctx context.Context, session, participant string) error
}

// Erase has every sink that keeps anything forget the participant.
func (f Fanout) Erase(ctx context.Context, session, participant string) error {
	errs := make([]error, len(f))
	var running sync.WaitGroup
	for i, p := range f {
		if e, ok := p.(Eraser); ok {
			running.Go(func() { errs[i] = e.Erase(ctx, session, participant) })
		}
	}
	running.Wait()
	return errors.Join(errs...)
}
