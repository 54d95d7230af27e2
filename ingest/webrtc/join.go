package webrtc

import (
	"context"

	"github.com/valence-live/valence/ingest"
)

// join seats a participant and makes a connection that is not running yet.
func (g *Gateway) join(e ingest.Entry, from source) (*connection, error) {
	api, err := g.api(from)
	if err != nil {
		return nil, err
	}
	seat, err := g.seating.Join(e)
	if err != nil {
		return nil, err
	}
	pc, err := api.NewPeerConnection(g.cfg.configuration())
	if err != nil {
		seat.Leave()
		return nil, err
	}
	return g.newConnection(person{e.Session, e.Participant}, from, pc, seat), nil
}

// run makes a connection the one of its participant and lets it go on by
// itself. release is called when it is over, also on an error.
func (g *Gateway) run(ctx context.Context, c *connection, release func()) error {
	old, err := g.register(c)
	if err != nil {
		c.discard()
		release()
		return err
	}
	if old != nil {
		old.end(endReplaced)
		select {
		case <-old.done: // with its last Samples
		case <-ctx.Done():
			err = ctx.Err()
			c.end(endConnect)
		}
	}
	go func() { //nolint:contextcheck // it outlives the request that made it
		defer release()
		c.run()
	}()
	return err
}
