package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/internal/wire"
)

// Appender writes records to one input topic, for those who read it with a
// Consumer. Its methods may be called from several goroutines.
type Appender struct {
	writer  *kafkago.Writer
	client  *client
	trouble *telemetry.Trouble
}

// linger is how long a record waits for others to travel with.
const linger = 5 * time.Millisecond

// NewAppender returns an Appender for a topic of the cluster. It asks no broker.
// The topic is made by the first Consumer, or by who runs the cluster.
func NewAppender(cfg Config, topic string, set telemetry.Settings) (*Appender, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !cfg.Enabled() {
		return nil, fmt.Errorf("%w: ingest.kafka.brokers is empty", ErrConfig)
	}
	c, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	return &Appender{
		client:  c,
		trouble: telemetry.NewTrouble(set.Logger, "records cannot be appended"),
		writer: &kafkago.Writer{
			Addr: c.api.Addr, Topic: topic, Transport: c.api.Transport,
			// What Java's producer does: a call meets in one partition whoever writes.
			Balancer:     kafkago.Murmur2Balancer{Consistent: true},
			RequiredAcks: kafkago.RequireAll, BatchTimeout: linger, Compression: kafkago.Lz4,
			MaxAttempts: 1, // tried again here, so that nothing overtakes
		},
	}, nil
}

// Append writes a record and returns when all replicas in sync have it. While
// the broker is away it tries again until ctx ends, so that what one caller
// appends stays in its order. After a failure a record may be there twice.
func (a *Appender) Append(ctx context.Context, r wire.Record) error {
	m := kafkago.Message{Key: r.Key, Value: r.Value, Time: time.Now()}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, kafkago.Header(h))
	}
	var pause backoff
	for {
		err := a.writer.WriteMessages(ctx, m)
		var many kafkago.WriteErrors
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &many) && len(many) == 1 && many[0] != nil:
			err = many[0]
		}
		if errors.Is(err, kafkago.MessageSizeTooLarge) {
			return fmt.Errorf("%w: %w", errTooLarge, err)
		}
		a.trouble.Warn(ctx, err)
		if !pause.wait(ctx) {
			return ctx.Err()
		}
	}
}

// Close writes what waits and ends the connections.
func (a *Appender) Close() error {
	err := a.writer.Close()
	a.client.close()
	return err
}
