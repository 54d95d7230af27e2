package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/valence-live/valence/sink/outbox"
)

// message is one record for a topic. A nil value is a tombstone.
type message struct {
	topic   string
	key     []byte
	value   []byte
	headers []kafkago.Header
}

// size is what the message takes in a request, or a little less than that.
func (m *message) size() int {
	n := len(m.key) + len(m.value) + 20
	for _, h := range m.headers {
		n += len(h.Key) + len(h.Value) + 4
	}
	return n
}

// place is one partition.
type place struct {
	topic     string
	partition int
}

// send writes the messages to their partitions, side by side, in order within
// each, and returns an error for each. Behind one that failed nothing is written
// to its partition.
func (p *Publisher) send(ctx context.Context, messages []message, partitions map[string][]int) []error {
	errs := make([]error, len(messages))
	groups := map[place][]int{}
	for i := range messages {
		m := &messages[i]
		if size := m.size(); size > p.cfg.MaxRequest {
			errs[i] = fmt.Errorf("%w: it has %d bytes, sink.kafka.max_request is %d", outbox.ErrRefused, size, p.cfg.MaxRequest)
			continue
		}
		all := partitions[m.topic]
		if len(all) == 0 {
			errs[i] = fmt.Errorf("%w: topic %s is missing", ErrUnavailable, m.topic)
			continue
		}
		at := place{m.topic, p.balancer.Balance(kafkago.Message{Key: m.key}, all...)}
		groups[at] = append(groups[at], i)
	}
	var running sync.WaitGroup
	for at, own := range groups {
		running.Go(func() { p.sendTo(ctx, at, messages, own, errs) })
	}
	running.Wait()
	return errs
}

// sendTo writes those messages that are for one partition: one request after
// the other.
func (p *Publisher) sendTo(ctx context.Context, at place, messages []message, own []int, errs []error) {
	for len(own) > 0 {
		n, size := 0, 0
		for n < len(own) && (n == 0 || size+messages[own[n]].size() <= p.cfg.MaxRequest) {
			size += messages[own[n]].size()
			n++
		}
		began := time.Now()
		err := p.produce(ctx, at, messages, own[:n])
		p.metrics.sent(ctx, at.topic, n, time.Since(began), err)
		if err != nil {
			for _, i := range own {
				errs[i] = err
			}
			return
		}
		own = own[n:]
	}
}

// produce sends one request. A partition whose leader has just moved, or was just
// made, is asked for again until ctx ends: nothing was written there.
func (p *Publisher) produce(ctx context.Context, at place, messages []message, own []int) error {
	const pause = 50 * time.Millisecond
	for {
		answer, err := p.client.Produce(ctx, &kafkago.ProduceRequest{
			Topic: at.topic, Partition: at.partition, RequiredAcks: kafkago.RequireAll, Compression: p.codec,
			Records: &records{messages: messages, own: own, now: time.Now()},
		})
		if err == nil {
			err = answer.Error
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, kafkago.MessageSizeTooLarge) && len(own) == 1:
			return fmt.Errorf("%w: the broker takes no record of %d bytes in %s", outbox.ErrRefused, messages[own[0]].size(), at.topic)
		case (errors.Is(err, kafkago.NotLeaderForPartition) || errors.Is(err, kafkago.LeaderNotAvailable)) && waited(ctx, pause):
			continue
		default:
			return fmt.Errorf("%w: topic %s, partition %d: %w", ErrUnavailable, at.topic, at.partition, err)
		}
	}
}

// waited returns false when ctx has ended meanwhile.
func waited(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// records reads messages as kafka-go wants them. Their time is that of sending:
// retention counts from it.
type records struct {
	messages []message
	own      []int
	now      time.Time
}

// ReadRecord implements protocol.RecordReader.
func (r *records) ReadRecord() (*kafkago.Record, error) {
	if len(r.own) == 0 {
		return nil, io.EOF
	}
	m := &r.messages[r.own[0]]
	r.own = r.own[1:]
	return &kafkago.Record{
		Time: r.now, Headers: m.headers,
		Key: kafkago.NewBytes(m.key), Value: kafkago.NewBytes(m.value),
	}, nil
}
