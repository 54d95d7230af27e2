package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// snapshots is the State of one lane.
type snapshots struct{ l *lane }

// stateOf returns nil where there is no state topic.
func (c *Consumer) stateOf(l *lane) State {
	if c.cfg.State == "" {
		return nil
	}
	return snapshots{l}
}

// held says whether the lane may still write.
func (l *lane) held() error {
	if l.ctx.Err() != nil || !l.c.lease.held(time.Now()) {
		return fmt.Errorf("partition %d: %w", l.partition, ErrLost)
	}
	return nil
}

// Load reads the partition up to its end, as it is when the first answer comes.
func (s snapshots) Load(ctx context.Context) (map[string][]byte, error) {
	c, topic := s.l.c, s.l.c.cfg.State
	d := newDecoder(topic, s.l.partition)
	out := map[string][]byte{}
	var pause backoff
	for at, end := int64(-1), int64(-1); end < 0 || at < end; {
		err := func() (err error) {
			if at < 0 {
				if at, _, err = c.client.bounds(ctx, topic, s.l.partition); err != nil {
					at = -1
					return err
				}
			}
			f, err := c.client.fetch(ctx, topic, s.l.partition, at, 1<<20, time.Millisecond)
			if err != nil {
				return err
			}
			if end < 0 {
				end = f.end
			}
			entries, next, err := d.decode(nil, f, at)
			for _, e := range entries {
				put(out, e)
			}
			at = next
			return err
		}()
		if err == nil {
			pause.reset()
			continue
		}
		if ctx.Err() == nil {
			c.trouble.Warn(ctx, fmt.Errorf("%w: load the state of partition %d: %w", errBroker, s.l.partition, err))
		}
		if !pause.wait(ctx) {
			return nil, fmt.Errorf("load the state of partition %d: %w", s.l.partition, ctx.Err())
		}
	}
	return out, nil
}

// put takes what one record of the state topic says. One that cannot be read
// says nothing.
func put(out map[string][]byte, e entry) {
	switch {
	case e.bad != nil || e.Key == nil:
	case e.Value == nil:
		delete(out, string(e.Key))
	default:
		out[string(e.Key)] = slices.Clone(e.Value)
	}
}

// Save writes in the order of the keys.
func (s snapshots) Save(ctx context.Context, values map[string][]byte) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.l.ctx, cancel)() //nolint:contextcheck // whichever ends first
	var pending []message
	bytes := 0
	flush := func() error {
		if len(pending) == 0 {
			return nil
		}
		err := s.l.c.produceAll(ctx, s.l.c.cfg.State, s.l.partition, pending, s.l.held)
		pending, bytes = pending[:0], 0
		return err
	}
	now := time.Now()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		pending = append(pending, message{key: []byte(key), value: values[key], time: now})
		if bytes += len(key) + len(values[key]) + 50; bytes >= chunk {
			if err := flush(); err != nil {
				return s.lost(err)
			}
		}
	}
	return s.lost(flush())
}

// lost names the reason where the lane was lost while it wrote.
func (s snapshots) lost(err error) error {
	if err != nil && s.l.ctx.Err() != nil {
		return fmt.Errorf("save the state of partition %d: %w (%w)", s.l.partition, ErrLost, err)
	}
	return err
}
