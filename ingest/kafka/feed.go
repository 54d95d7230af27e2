package kafka

import (
	"context"
	"errors"
	"log/slog"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// How long a broker is asked to wait for records: long while nothing happens in
// a lane, short while others of its topics have records, which wait for word of
// this one.
const (
	longPoll  = 500 * time.Millisecond
	shortPoll = 50 * time.Millisecond
)

// feed reads one topic of a lane until ctx ends, never further ahead than the
// buffer. Trouble is logged and tried again.
func (l *lane) feed(ctx context.Context, i int) {
	topic := l.c.cfg.Topics[i]
	d := newDecoder(topic, l.partition)
	var pause backoff
	for ctx.Err() == nil {
		from, asked, wait, room := l.question(i)
		if !room {
			select {
			case <-ctx.Done():
			case <-l.room:
			}
			continue
		}
		f, err := l.c.client.fetch(ctx, topic, l.partition, from, l.c.cfg.Buffer, wait)
		if errors.Is(err, kafkago.OffsetOutOfRange) {
			err = l.reposition(ctx, i, from)
		} else if err == nil {
			err = l.deliver(d, i, f, from, asked)
		}
		if err == nil {
			pause.reset()
			continue
		}
		if ctx.Err() == nil {
			l.c.trouble.Warn(ctx, err)
			pause.wait(ctx)
		}
	}
}

// question is what topic i is asked next.
func (l *lane) question(i int) (from int64, asked []int64, wait time.Duration, room bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	wait = longPoll
	switch {
	case l.merge.waitsFor(i):
		wait = time.Millisecond
	case now.Sub(l.busy) < 2*time.Second && len(l.merge.streams) > 1:
		wait = shortPoll
	}
	s := l.merge.streams[i]
	return s.read, l.merge.asked(now), wait, s.bytes < l.c.cfg.Buffer
}

func (l *lane) deliver(d *decoder, i int, f *fetched, from int64, asked []int64) error {
	entries, next, err := d.decode(nil, f, from)
	if err != nil {
		return err
	}
	now := time.Now()
	l.mu.Lock()
	if len(entries) > 0 {
		l.busy = now
	}
	l.merge.add(i, entries, next, f.end, asked, now)
	l.mu.Unlock()
	signal(l.wake)
	return nil
}

// reposition finds the next record that there is, when those that were to be
// read are gone: deleted by retention, or with the topic.
func (l *lane) reposition(ctx context.Context, i int, from int64) error {
	topic := l.c.cfg.Topics[i]
	first, last, err := l.c.client.bounds(ctx, topic, l.partition)
	if err != nil {
		return err
	}
	if first <= from && from <= last {
		return nil // it is back
	}
	lost := max(0, first-from)
	l.c.counters.lose(topic, lost) //nolint:contextcheck // counting needs none
	l.c.set.Logger.ErrorContext(ctx, "records were deleted before they were read", slog.String("topic", topic),
		slog.Int("partition", l.partition), slog.Int64("offset", from), slog.Int64("go_on_at", first), slog.Int64("lost", lost))
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.merge.streams[i]
	if s.read = first; s.head == len(s.queue) {
		s.next = first
	}
	return nil
}

// bounds returns the offsets of the first record that is there and of the next
// that will be.
func (c *client) bounds(ctx context.Context, topic string, partition int) (first, last int64, err error) {
	answer, err := c.api.ListOffsets(ctx, &kafkago.ListOffsetsRequest{Topics: map[string][]kafkago.OffsetRequest{
		topic: {kafkago.FirstOffsetOf(partition), kafkago.LastOffsetOf(partition)},
	}})
	if err != nil {
		return 0, 0, err
	}
	for _, p := range answer.Topics[topic] {
		if p.Partition == partition && p.Error == nil && p.FirstOffset >= 0 && p.LastOffset >= 0 {
			return p.FirstOffset, p.LastOffset, nil
		}
		err = errors.Join(err, p.Error)
	}
	if err == nil {
		err = kafkago.UnknownTopicOrPartition
	}
	return 0, 0, err
}

// signal wakes whoever waits on a channel of capacity one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
