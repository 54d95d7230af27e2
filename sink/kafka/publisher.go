package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	kafkago "github.com/segmentio/kafka-go"
	"go.opentelemetry.io/otel/trace"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/eventpb"
	"github.com/valence-live/valence/sink/outbox"
)

// Publisher writes events to Kafka. It is an outbox.Batcher and a sink.Eraser.
//
// When Publish returns nil the brokers have the event, as many as the topic
// asks for (acks=all, min.insync.replicas). An event is tried once within
// Config.Timeout; whoever publishes repeats it, which does no harm. Brokers that
// are away are no error of New: events fail until they are back.
//
// Its methods may be called from any goroutine; events of one participant come
// from one at a time, as sink.Publisher asks for.
type Publisher struct {
	cfg      Config
	set      telemetry.Settings
	client   *client
	balancer kafkago.Balancer
	codec    kafkago.Compression
	metrics  metrics
	tracer   trace.Tracer

	latest latest
	again  again

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // what is under way
}

// New returns a Publisher. It connects to nothing before the first event, or
// Check.
func New(cfg Config, set telemetry.Settings) (*Publisher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !cfg.Enabled() {
		return nil, fmt.Errorf("%w: sink.kafka.brokers is empty, set one host:port at least", ErrConfig)
	}
	m, err := newMetrics(set.Meter)
	if err != nil {
		return nil, err
	}
	c, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	p := &Publisher{
		cfg: cfg, set: set, client: c, metrics: m,
		// The partition of a key is that of Java's clients, so that their streams meet ours.
		balancer: kafkago.Murmur2Balancer{Consistent: true},
		codec:    codecs()[cfg.Compression],
		tracer:   set.Tracer.Tracer(telemetry.Scope),
		latest:   latest{of: map[string]reached{}},
	}
	p.again.begin(cfg, p.repeat)
	return p, nil
}

// Check reports whether Kafka can be written to: it makes topics that are
// missing, where that is allowed, or says how to make them.
func (p *Publisher) Check(ctx context.Context) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.running.Done()
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	_, err := p.ensure(ctx)
	return err
}

// Publish implements sink.Publisher.
func (p *Publisher) Publish(ctx context.Context, e *sink.Event) error {
	err := p.PublishBatch(ctx, []*sink.Event{e})
	if one, ok := errors.AsType[*outbox.BatchError](err); ok {
		return one.Errs[0]
	}
	return err
}

// PublishBatch implements outbox.Batcher: its error is an *outbox.BatchError
// unless nothing could be sent.
func (p *Publisher) PublishBatch(ctx context.Context, events []*sink.Event) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.running.Done()
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	partitions, err := p.ensure(ctx)
	if err != nil {
		return err
	}
	ctx, end := p.trace(ctx, events)
	defer end()

	errs := make([]error, len(events))
	messages := make([]message, 0, 2*len(events))
	of := make([]int, 0, 2*len(events)) // which event a message is of
	for i, e := range events {
		r, err := eventpb.Encode(e, p.cfg.Format.form(), p.cfg.Source)
		if err != nil {
			errs[i] = fmt.Errorf("%w: %w", outbox.ErrRefused, err)
			continue
		}
		m := message{topic: p.cfg.EventsTopic, key: r.Key, value: r.Value, headers: headers(r.Headers)}
		messages, of = append(messages, m), append(of, i)
		if p.cfg.ScoresTopic != "" && p.latest.moves(e) {
			m.topic, m.key = p.cfg.ScoresTopic, []byte(eventpb.ScoreKey(e.Session, e.Participant))
			messages, of = append(messages, m), append(of, i)
		}
	}
	failed := p.deliver(ctx, messages, partitions)
	for j, err := range failed {
		errs[of[j]] = errors.Join(errs[of[j]], err)
	}
	if errors.Join(errs...) == nil {
		return nil
	}
	return &outbox.BatchError{Errs: errs}
}

// deliver sends, and remembers the scores of which nobody knows where they are.
func (p *Publisher) deliver(ctx context.Context, messages []message, partitions map[string][]int) []error {
	p.again.sending.RLock()
	defer p.again.sending.RUnlock()
	errs := p.send(ctx, messages, partitions)
	if p.cfg.ScoresTopic == "" {
		return errs
	}
	for i, err := range errs {
		if messages[i].topic == p.cfg.ScoresTopic {
			p.again.sent(messages[i], err)
		}
	}
	return errs
}

// Erase implements sink.Eraser. The latest score of the participant gets a
// tombstone: compaction deletes it. In the topic of events, where nothing can be
// deleted before its time, a record without a value (key the session, header
// "participant") tells readers to forget the person.
func (p *Publisher) Erase(ctx context.Context, session, participant string) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.running.Done()
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	partitions, err := p.ensure(ctx)
	if err != nil {
		return err
	}
	who := []kafkago.Header{{Key: wire.HeaderParticipant, Value: []byte(participant)}}
	messages := []message{{topic: p.cfg.EventsTopic, key: []byte(session), headers: who}}
	if p.cfg.ScoresTopic != "" {
		messages = append(messages, message{topic: p.cfg.ScoresTopic, key: []byte(eventpb.ScoreKey(session, participant)), headers: who})
	}
	p.latest.forget(session, participant)
	return errors.Join(p.deliver(ctx, messages, partitions)...)
}

// repeat writes scores once more.
func (p *Publisher) repeat(messages []message) []error {
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.Timeout)
	defer cancel()
	partitions, err := p.client.partitions(ctx, p.cfg.topics())
	if err != nil {
		errs := make([]error, len(messages))
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	p.metrics.repeated.Add(ctx, int64(len(messages)))
	return p.send(ctx, messages, partitions)
}

// enter is called before anything that Close must wait for.
func (p *Publisher) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return sink.ErrClosed
	}
	p.running.Add(1)
	return nil
}

// Close refuses further events, waits for those under way, which takes
// Config.Timeout at most, and ends the connections.
func (p *Publisher) Close() error {
	p.mu.Lock()
	closed := p.closed
	p.closed = true
	p.mu.Unlock()
	p.running.Wait()
	if !closed {
		p.again.close()
		p.client.close()
	}
	return nil
}

func headers(in []wire.Header) []kafkago.Header {
	out := make([]kafkago.Header, len(in))
	for i, h := range in {
		out[i] = kafkago.Header{Key: h.Key, Value: h.Value}
	}
	return out
}
