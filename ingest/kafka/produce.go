package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// errTooLarge says that the broker will never take a record of that size.
var errTooLarge = errors.New("the broker takes no record of that size")

// chunk is how many bytes of records are sent at once: half of what a broker
// takes by default.
const chunk = 512 << 10

// message is a record to be written.
type message struct {
	key, value []byte
	headers    []Header
	time       time.Time
}

// records makes kafka-go's. One can be written once only: its bytes are read
// away.
func records(messages []message) kafkago.RecordReader {
	out := make([]kafkago.Record, len(messages))
	for i, m := range messages {
		out[i] = kafkago.Record{Time: m.time, Key: kafkago.NewBytes(m.key), Value: kafkago.NewBytes(m.value)}
		for _, h := range m.headers {
			out[i].Headers = append(out[i].Headers, kafkago.Header(h))
		}
	}
	return kafkago.NewRecordReader(out...)
}

// produce writes records to one partition, in order, and returns when all
// replicas in sync have them.
func (c *client) produce(ctx context.Context, topic string, partition int, messages []message) error {
	answer, err := c.api.Produce(ctx, &kafkago.ProduceRequest{
		Topic: topic, Partition: partition, RequiredAcks: kafkago.RequireAll, Records: records(messages),
	})
	if err == nil {
		err = answer.Error
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kafkago.MessageSizeTooLarge), errors.Is(err, kafkago.RecordListTooLarge), errors.Is(err, kafkago.InvalidMessageSize):
		return fmt.Errorf("%w: %s: %w", errTooLarge, topic, err)
	default:
		return fmt.Errorf("%w: write to %s/%d: %w", errBroker, topic, partition, err)
	}
}

// produceAll tries until the records are written, ctx ends, or they are too
// large. Several that are too large together are written one by one.
func (c *Consumer) produceAll(ctx context.Context, topic string, partition int, messages []message, mayWrite func() error) error {
	var pause backoff
	for {
		if err := mayWrite(); err != nil {
			return err
		}
		err := c.client.produce(ctx, topic, partition, messages)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%w (%w)", ctx.Err(), err)
		case errors.Is(err, errTooLarge) && len(messages) > 1:
			for i := range messages {
				if err = c.produceAll(ctx, topic, partition, messages[i:i+1], mayWrite); err != nil {
					return err
				}
			}
			return nil
		case errors.Is(err, errTooLarge):
			return err
		}
		c.trouble.Warn(ctx, err)
		if !pause.wait(ctx) {
			return fmt.Errorf("%w (%w)", ctx.Err(), err)
		}
	}
}
