package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// fatal reports whether an error of a checkpoint ends the consumer. Trouble of
// the broker does not: what was not committed is read again.
func (l *lane) fatal(err error) bool {
	switch {
	case l.ctx.Err() != nil:
		return false
	case transient(err):
		l.c.trouble.Warn(l.ctx, err)
		if stale(err) {
			signal(l.c.lapsed)
		}
		return false
	default:
		return true
	}
}

func (l *lane) checkpointWithin(d time.Duration) error {
	ctx, cancel := context.WithTimeout(l.ctx, d)
	defer cancel()
	return l.checkpoint(ctx)
}

// checkpoint has the handler make things durable, then commits.
func (l *lane) checkpoint(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)() //nolint:contextcheck // whichever ends first
	if err := l.flushDead(ctx); err != nil {
		return err
	}
	offsets, err := l.open.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	changed := map[string]int64{}
	for i, topic := range l.c.cfg.Topics {
		at, ok := offsets[topic]
		if delete(offsets, topic); !ok && l.committed[i] < 0 {
			at, ok = l.first[i], true // so that the next owner begins where we did
		}
		if ok && at != l.committed[i] {
			changed[topic] = at
		}
	}
	if len(offsets) > 0 {
		return fmt.Errorf("checkpoint: there are offsets of topics that are not read: %v", offsets)
	}
	if len(changed) == 0 {
		return nil
	}
	if err := l.c.member.commit(ctx, l.partition, changed); err != nil {
		return fmt.Errorf("%w: commit offsets of partition %d: %w", errBroker, l.partition, err)
	}
	for i, topic := range l.c.cfg.Topics {
		if at, ok := changed[topic]; ok {
			l.committed[i] = at
		}
	}
	l.c.set.Logger.DebugContext(ctx, "offsets committed", slog.Int("partition", l.partition), slog.Any("offsets", changed))
	return nil
}
