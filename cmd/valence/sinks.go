package main

import (
	"context"
	"errors"

	"github.com/valence-live/valence/internal/config"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/kafka"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/outbox"
	"github.com/valence-live/valence/sink/redis"
)

// sinks are all that events go to: the memory of this process at once, the
// others through an outbox each.
type sinks struct {
	sink.Fanout             // for calls that cannot wait
	patient     sink.Fanout // the same for records, which can be read later
	boxes       []*outbox.Outbox
	closers     []func() error
}

// newSinks makes those whose address is set.
func newSinks(cfg config.Config, store *memory.Store, set telemetry.Settings) (*sinks, error) {
	s := &sinks{Fanout: sink.Fanout{store}, patient: sink.Fanout{store}}
	if cfg.Sink.Kafka.Enabled() {
		p, err := kafka.New(cfg.Sink.Kafka, set)
		if err != nil {
			return nil, err
		}
		if err := s.add("kafka", cfg.Sink.Outbox, p, p.Close, set); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	if cfg.Sink.Redis.Enabled() {
		p, err := redis.New(cfg.Sink.Redis, set)
		if err != nil {
			return nil, err
		}
		if err := s.add("redis", cfg.Sink.Outbox, p, p.Close, set); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return s, nil
}

func (s *sinks) add(name string, cfg outbox.Config, p sink.Publisher, closer func() error, set telemetry.Settings) error {
	box, err := outbox.New(name, cfg, p, set)
	if err != nil {
		return err
	}
	s.Fanout, s.patient = append(s.Fanout, box), append(s.patient, box.Patient())
	s.boxes = append(s.boxes, box)
	s.closers = append(s.closers, closer)
	return nil
}

func (s *sinks) start(ctx context.Context) error {
	var errs []error
	for _, b := range s.boxes {
		errs = append(errs, b.Start(ctx))
	}
	return errors.Join(errs...)
}

// Flush waits until every sink has what was published so far.
func (s *sinks) Flush(ctx context.Context) error {
	var errs []error
	for _, b := range s.boxes {
		errs = append(errs, b.Flush(ctx))
	}
	return errors.Join(errs...)
}

// shutdown delivers what waits, as long as ctx lets it, and closes the sinks.
func (s *sinks) shutdown(ctx context.Context) error {
	var errs []error
	for i, b := range s.boxes {
		errs = append(errs, b.Shutdown(ctx), s.closers[i]())
	}
	return errors.Join(errs...)
}
