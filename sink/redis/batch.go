package redis

import (
	"cmp"
	"context"

	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/outbox"
)

// PublishBatch implements outbox.Batcher: it publishes events in their order,
// and of one participant none after one that failed. A hundred travel together,
// and while they do the next hundred are encoded. Its error is an
// *outbox.BatchError.
func (p *Publisher) PublishBatch(ctx context.Context, events []*sink.Event) error {
	errs := make([]error, len(events))
	last := map[person]string{}
	var under group
	for first := 0; first < len(events); first += largest {
		next := p.group(events, first, last, errs)
		failed := under.land(ctx, errs)
		if failed == nil {
			failed = p.launch(ctx, &next)
		}
		if under = next; failed != nil {
			for i := range errs[first:] {
				errs[first+i] = cmp.Or(errs[first+i], failed)
			}
			under = group{}
			break
		}
	}
	_ = under.land(ctx, errs)
	for _, err := range errs {
		if err != nil {
			return &outbox.BatchError{Errs: errs}
		}
	}
	return nil
}

// person is one participant of one call.
type person struct{ session, participant string }

// group is some events of a batch that travel together.
type group struct {
	writes []write
	places []int // of each in the batch
	done   <-chan []error
}

// group encodes the next events, from first on. One that cannot be encoded has
// its error and keeps no other. Each names the one before it of the same
// participant, last: the script does not write it without that one.
func (p *Publisher) group(events []*sink.Event, first int, last map[person]string, errs []error) (g group) {
	for i := first; i < min(first+largest, len(events)); i++ {
		e := events[i]
		who := person{e.Session, e.Participant}
		w, err := p.prepare(e, last[who])
		if err != nil {
			errs[i] = err
			continue
		}
		last[who] = mark(e)
		g.writes, g.places = append(g.writes, w), append(g.places, i)
	}
	return g
}

// launch hands the group over.
func (p *Publisher) launch(ctx context.Context, g *group) (err error) {
	if len(g.writes) > 0 {
		g.done, err = p.submit(ctx, g.writes)
	}
	return err
}

// land waits for the group and tells each event what became of it. It returns
// an error if there was one.
func (g *group) land(ctx context.Context, errs []error) (failed error) {
	if g.done == nil {
		return nil
	}
	results := make([]error, len(g.writes))
	select {
	case said := <-g.done:
		copy(results, said)
	case <-ctx.Done():
		for i := range results {
			results[i] = ctx.Err()
		}
	}
	for i, err := range results {
		errs[g.places[i]] = err
		failed = cmp.Or(failed, err)
	}
	return failed
}
