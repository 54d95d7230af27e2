package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// errNoReply says that the client gave neither a reply nor an error.
var errNoReply = errors.New("no reply")

// write sends a batch and tells each caller how it went.
func (p *Publisher) write(batch []*request) {
	// Not the context of a caller: one who goes away must not fail the others.
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Timeout)
	defer cancel()
	var writes []write
	for _, r := range batch {
		writes = append(writes, r.writes...)
	}
	outcomes := p.send(ctx, writes)
	p.counts.written(ctx, outcomes)
	for _, r := range batch {
		n := len(r.writes)
		r.done <- failures(outcomes[:n])
		outcomes = outcomes[n:]
	}
}

// outcome is what the script said of one write.
type outcome struct {
	repeated bool
	err      error
}

// send runs the script for every write and keeps the index of calls.
func (p *Publisher) send(ctx context.Context, writes []write) []outcome {
	results := make([]*redis.Cmd, len(writes))
	pipe := p.client.Pipeline()
	for i, w := range writes {
		results[i] = p.publish.EvalSha(ctx, pipe, w.keys, w.args...)
	}
	touched := p.touch(ctx, pipe, writes)
	_, err := pipe.Exec(ctx)
	p.touched(ctx, touched, err)
	outcomes := make([]outcome, len(writes))
	unknown := false
	for i, r := range results {
		outcomes[i] = look(r, err)
		unknown = unknown || isUnknown(outcomes[i].err)
	}
	if unknown {
		p.teach(ctx, writes, outcomes)
	}
	return outcomes
}

// teach sends the text of the script with what was refused for want of it: a
// server that was restarted, or a node that is new, does not know it.
func (p *Publisher) teach(ctx context.Context, writes []write, outcomes []outcome) {
	results := make([]*redis.Cmd, len(writes))
	pipe := p.client.Pipeline()
	for i, w := range writes {
		if isUnknown(outcomes[i].err) {
			results[i] = p.publish.Eval(ctx, pipe, w.keys, w.args...)
		}
	}
	_, err := pipe.Exec(ctx)
	for i, r := range results {
		if r != nil {
			outcomes[i] = look(r, err)
		}
	}
}

func isUnknown(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }

// look reads the reply to one write of a pipeline. Only a number says that it
// was written: where a new connection is refused (a wrong password, a server
// that still loads its data) go-redis gives the error to the pipeline alone, and
// its commands look as if all were well.
func look(r *redis.Cmd, pipeline error) outcome {
	if err := r.Err(); err != nil {
		return outcome{err: err}
	}
	n, ok := r.Val().(int64)
	if !ok {
		return outcome{err: cmp.Or(pipeline, errNoReply)}
	}
	return outcome{repeated: n == 0}
}

// failures says what became of each event; nil if all are written.
func failures(outcomes []outcome) []error {
	var errs []error
	for i, o := range outcomes {
		if o.err != nil {
			if errs == nil {
				errs = make([]error, len(outcomes))
			}
			errs[i] = fmt.Errorf("%w: %w", ErrUnavailable, o.err)
		}
	}
	return errs
}

func everyone(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}
