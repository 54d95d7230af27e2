package sink

import (
	"context"
	"errors"
	"sync"
)

// Fanout publishes every Event to several sinks at once. It returns when all
// have: the trouble of one keeps no Event from another. Their errors are
// joined, so a repeat reaches the sinks that had it already, which is without
// harm.
type Fanout []Publisher

// Publish implements Publisher.
func (f Fanout) Publish(ctx context.Context, e *Event) error {
	if len(f) == 1 {
		return f[0].Publish(ctx, e)
	}
	errs := make([]error, len(f))
	var running sync.WaitGroup
	for i, p := range f {
		running.Go(func() { errs[i] = p.Publish(ctx, e) })
	}
	running.Wait()
	return errors.Join(errs...)
}
