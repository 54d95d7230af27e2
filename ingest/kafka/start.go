package kafka

import (
	"context"
	"errors"
)

// errBroker marks trouble with the cluster: nothing ends because of it.
var errBroker = errors.New("the broker is in trouble")

// transient reports whether an error is the cluster's or time's, and not the
// handler's.
func transient(err error) bool {
	return errors.Is(err, errBroker) || errors.Is(err, ErrLost) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// begin finds out where the lane begins: what was committed last, else the
// beginning or the end as configured. It tries until it knows or the lane is
// lost.
func (l *lane) begin() error {
	var pause backoff
	for {
		err := l.tryBegin()
		if err == nil || l.ctx.Err() != nil {
			return l.ctx.Err()
		}
		l.c.trouble.Warn(l.ctx, err)
		if !pause.wait(l.ctx) {
			return l.ctx.Err()
		}
	}
}

func (l *lane) tryBegin() error {
	committed, err := l.c.member.committed(l.ctx, l.partition)
	if err != nil {
		return err
	}
	starts := make([]int64, len(l.c.cfg.Topics))
	l.committed = make([]int64, len(starts))
	for i, topic := range l.c.cfg.Topics {
		at, ok := committed[topic]
		if l.committed[i] = at; !ok {
			l.committed[i] = -1
			first, last, err := l.c.client.bounds(l.ctx, topic, l.partition)
			if err != nil {
				return err
			}
			if at = first; l.c.cfg.From == FromEnd {
				at = last
			}
		}
		starts[i] = at
	}
	l.first = starts
	l.mu.Lock()
	l.merge = newMerge(bound, starts)
	l.mu.Unlock()
	return nil
}
