package redis

import (
	"context"
	"fmt"

	"github.com/valence-live/valence/sink"
)

// Erase removes everything of a participant: the latest score, the entries of
// the call's history, what repeats are recognised by; and the call's latest
// score if it is of that participant, until the next event of another. A call
// of which nobody is left is removed whole.
//
// Events of the participant that are published during or after it are written
// again: end them first.
func (p *Publisher) Erase(ctx context.Context, session, participant string) error {
	ctx, cancel := context.WithTimeout(ctx, eraseLimit(p.cfg))
	defer cancel()
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.running.Add(1)
	}
	p.mu.Unlock()
	if closed {
		return sink.ErrClosed
	}
	defer p.running.Done()

	others, err := p.erase.Run(ctx, p.client, keysOf(session, participant).list(), participant).Int()
	if err == nil && others == 0 {
		p.forget(session)
		err = p.client.ZRem(ctx, index, session).Err()
	}
	if err != nil {
		return fmt.Errorf("erase participant %q of session %q from Redis: %w: %w", participant, session, ErrUnavailable, err)
	}
	return nil
}
