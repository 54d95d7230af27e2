package redis

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

// write sends a batch and tells each caller how it went.
func (p *Publisher) write(batch []*request) {
	// Not the context of a caller: one who goes away must not fail the others.
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Timeout)
	defer cancel()
	var writes []write
	for _, r := range batch {
		writes = append(writes, r.writes...)
	}
	results := p.send(ctx, writes)
	p.counts.written(ctx, results)
	for _, r := range batch {
		n := len(r.writes)
		r.done <- failure(results[:n])
		results = results[n:]
	}
}

// send runs the script for every write and keeps the index of calls. Its
// results are those of the scripts.
func (p *Publisher) send(ctx context.Context, writes []write) []*redis.Cmd {
	results := make([]*redis.Cmd, len(writes))
	pipe := p.client.Pipeline()
	for i, w := range writes {
		results[i] = p.publish.EvalSha(ctx, pipe, w.keys, w.args...)
	}
	touched := p.touch(ctx, pipe, writes)
	_, _ = pipe.Exec(ctx) // each command has its own error
	p.touched(ctx, touched)

	// A server that was restarted, or a node that is new, does not know the
	// script. It learns it with the first event that is sent with its text.
	unknown := func(r *redis.Cmd) bool { return redis.HasErrorPrefix(r.Err(), "NOSCRIPT") }
	if !slices.ContainsFunc(results, unknown) {
		return results
	}
	pipe = p.client.Pipeline()
	for i, w := range writes {
		if unknown(results[i]) {
			results[i] = p.publish.Eval(ctx, pipe, w.keys, w.args...)
		}
	}
	_, _ = pipe.Exec(ctx)
	return results
}

// failure returns the first error.
func failure(results []*redis.Cmd) error {
	for _, r := range results {
		if err := r.Err(); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return nil
}
