package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/valence-live/valence/internal/telemetry"
)

// ErrWaiting says that nothing is read at the moment, and why.
var ErrWaiting = errors.New("not reading from Kafka")

// Consumer is one member of the group.
type Consumer struct {
	cfg      Config
	handler  Handler
	set      telemetry.Settings
	counters counters
	trouble  *telemetry.Trouble

	client               *client
	lease                *lease
	member               *member
	deadLetterPartitions int
	failed               chan error    // what ends the consumer, from a lane
	lapsed               chan struct{} // a lane ended because the lease did

	mu      sync.Mutex
	lanes   map[int]*lane // by partition number
	waiting error         // nil while it is in the group
}

// New returns a Consumer. It starts nothing and asks no broker, but reads the
// files that the configuration names.
func New(cfg Config, h Handler, set telemetry.Settings) (*Consumer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !cfg.Enabled() {
		return nil, fmt.Errorf("%w: ingest.kafka.brokers is empty: give it addresses such as [localhost:9092]", ErrConfig)
	}
	c := &Consumer{
		cfg: cfg, handler: h, set: set, lanes: map[int]*lane{}, failed: make(chan error, 1), lapsed: make(chan struct{}, 1),
		trouble: telemetry.NewTrouble(set.Logger, "Kafka is in trouble"), waiting: ErrWaiting,
	}
	var err error
	if c.client, err = newClient(cfg); err != nil {
		return nil, err
	}
	c.lease = newLease(cfg.SessionTimeout)
	c.member = &member{client: c.client, cfg: cfg, lease: c.lease, generation: -2}
	if c.counters, err = newCounters(c); err != nil {
		return nil, err
	}
	return c, nil
}

// Ready returns nil while this member is in the group, whether partitions fell
// to it or not; else what it waits for. It may be called from any goroutine.
func (c *Consumer) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting
}

func (c *Consumer) wait(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = fmt.Errorf("%w: %w", ErrWaiting, why)
}

// fail ends the consumer; the first error counts.
func (c *Consumer) fail(err error) {
	select {
	case c.failed <- err:
	default:
	}
}

// Run is a member of the group until ctx ends: then it checkpoints and closes
// its lanes, leaves, and returns nil. It outlasts any trouble of the brokers.
// It returns an error if topics do not fit together or a lane fails with
// something else than ErrPoison. It runs once.
func (c *Consumer) Run(ctx context.Context) error {
	defer c.client.close()
	if err := c.prepare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("ingest.kafka: %w", err)
	}
	defer c.depart(ctx)
	// What lanes do ends with their partition, not with ctx: they hand over first.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	for ctx.Err() == nil {
		a, ok := c.join(ctx)
		if !ok {
			break
		}
		c.arrange(life, a)
		if err := c.serve(ctx, a); err != nil {
			return fmt.Errorf("ingest.kafka: %w", err)
		}
	}
	return nil
}

// depart drops what is left and gives the seat back.
func (c *Consumer) depart(ctx context.Context) {
	c.dropAll()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.RequestTimeout)
	defer cancel()
	if err := c.member.leave(ctx); err != nil {
		c.set.Logger.WarnContext(ctx, "could not leave the group; the partitions go to others when the session times out", slog.Any("error", err))
	}
	c.wait(errors.New("stopped"))
}
