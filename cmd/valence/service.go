package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/valence-live/valence/ingest/kafka"
	"github.com/valence-live/valence/ingest/webrtc"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/config"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/relay"
	"github.com/valence-live/valence/internal/server"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/internal/worker"
	"github.com/valence-live/valence/sink/live"
	"github.com/valence-live/valence/sink/memory"
)

// service is all that serves calls, from source to sink. What its role does not
// need is nil.
type service struct {
	appender *kafka.Appender // of features, for workers
	gateway  *webrtc.Gateway
	calls    *calls.Registry
	consumer *kafka.Consumer
	store    *memory.Store
	sinks    *sinks
	events   *live.Handler
	server   *server.Server

	reading errgroup.Group
	unread  context.CancelFunc // ends the reading
	broken  chan struct{}      // closed when the reading has ended by itself
}

// newService wires the parts and starts nothing.
func newService(role role, cfg config.Config, engine *pipeline.Engine, set telemetry.Settings, metrics http.Handler) (*service, error) {
	call := pipeline.CallConfig{Align: cfg.Align, Rolling: cfg.Sink.Rolling}
	call.Align.Limits = engine.Limits()
	call.Rolling.Hop = call.Align.Hop
	p := &service{store: memory.New(memory.Live()), broken: make(chan struct{})}
	var err error
	if p.sinks, err = newSinks(cfg, p.store, set); err != nil {
		return nil, err
	}
	cfg.Sink.Live.Origins = cfg.Server.CORSOrigins
	if p.events, err = live.New(cfg.Sink.Live, p.store, set); err != nil {
		return nil, err
	}
	deps := server.Deps{Events: p.events.Events(), Pages: p.events.Pages(), Metrics: metrics}
	if role != roleWorker {
		stages := calls.Scoring(engine)
		if role == roleGateway {
			if p.appender, err = featureLog(cfg, set); err != nil {
				return nil, err
			}
			stages = relay.Stages(engine, p.appender)
		}
		if p.calls, err = calls.New(cfg.Calls, call, stages, p.sinks, p.store, set); err != nil {
			return nil, err
		}
		if p.gateway, err = webrtc.New(cfg.Ingest.WebRTC, p.calls, set); err != nil {
			return nil, err
		}
		deps.Calls, deps.Pulls, deps.WHIP, deps.Ready = p.calls, pulls{p.gateway}, p.gateway.WHIP(), p.calls.Ready
	}
	if reads := cfg.Ingest.Kafka.Enabled() && role != roleGateway; reads || role == roleWorker {
		if p.consumer, err = p.newConsumer(role, cfg, call, engine, set); err != nil {
			return nil, err
		}
		if deps.Ready == nil {
			deps.Ready = p.consumer.Ready
		}
	}
	p.server, err = server.New(cfg.Server, deps, set)
	return p, err
}

// featureLog is the log of features between gateways and workers.
func featureLog(cfg config.Config, set telemetry.Settings) (*kafka.Appender, error) {
	cfg.Ingest.Kafka.Topics = []string{wire.TopicFeatures}
	a, err := kafka.NewAppender(cfg.Ingest.Kafka, wire.TopicFeatures, set)
	if err != nil {
		return nil, fmt.Errorf("a gateway sends features to Kafka: %w", err)
	}
	return a, nil
}

// newConsumer reads records as calls.
func (p *service) newConsumer(role role, cfg config.Config, call pipeline.CallConfig, engine *pipeline.Engine, set telemetry.Settings) (*kafka.Consumer, error) {
	if role == roleWorker {
		cfg.Ingest.Kafka.Topics = []string{wire.TopicFeatures}
		if cfg.Ingest.Kafka.Group == kafka.Default().Group {
			cfg.Ingest.Kafka.Group += "-features" // the members of a group read the same topics
		}
	}
	w, err := worker.New(worker.Config{
		Call: call, Upstream: cfg.Ingest.Kafka.Consent == kafka.ConsentUpstream, Purpose: cfg.Calls.Purpose,
		Idle: cfg.Calls.Idle, MaxParticipants: cfg.Calls.MaxParticipants, Flush: p.sinks.Flush,
	}, engine, p.sinks.patient, set)
	if err != nil {
		return nil, err
	}
	c, err := kafka.New(cfg.Ingest.Kafka, w, set)
	if err != nil {
		return nil, fmt.Errorf("role %s: %w", role, err)
	}
	return c, nil
}

// start opens the ways in, from the sink back to the source.
func (p *service) start(ctx context.Context) (err error) {
	long := context.WithoutCancel(ctx) // what ends is shut down in order
	if err = p.sinks.start(long); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.shutdown(long))
		}
	}()
	if p.consumer != nil {
		reading, cancel := context.WithCancel(long)
		p.unread = cancel
		p.reading.Go(func() error {
			defer close(p.broken)
			return p.consumer.Run(reading)
		})
	}
	if p.gateway != nil {
		if err := p.gateway.Start(ctx); err != nil {
			return err
		}
	}
	return p.server.Start(ctx)
}

// wait returns when ctx is done, or the reading of records cannot go on.
// Meanwhile it has old events forgotten.
func (p *service) wait(ctx context.Context) error {
	ticker := time.NewTicker(30 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			p.store.Expire(now.Add(-memory.Live().Age))
		case <-p.broken:
			return p.reading.Wait()
		case <-ctx.Done():
			return nil
		}
	}
}

// shutdown stops from the source to the sink, each part drained before the next
// stops, so that the readers get what was said last.
func (p *service) shutdown(ctx context.Context) error {
	var errs []error
	if p.gateway != nil {
		errs = append(errs, p.gateway.Shutdown(ctx))
	}
	if p.calls != nil {
		errs = append(errs, p.calls.Shutdown(ctx))
	}
	if p.unread != nil {
		p.unread()
		errs = append(errs, p.reading.Wait())
	}
	if p.appender != nil {
		errs = append(errs, p.appender.Close())
	}
	errs = append(errs, p.sinks.shutdown(ctx), p.store.Close())
	var last errgroup.Group // a request is only over when its reader has left
	last.Go(func() error { return p.events.Shutdown(ctx) })
	last.Go(func() error { return p.server.Shutdown(ctx) })
	return errors.Join(append(errs, last.Wait())...)
}
