// Package redis is a sink that keeps the latest scores, and the history of
// each call, in Redis 7 or newer or in Valkey: a single server, one that
// Sentinels watch over, or a cluster. docs/redis.md lists the keys.
//
// Each event is one script: it writes all or nothing, skips what was written
// before, and never puts an older score in the place of a newer one. Events
// that come at the same time travel together. It is the only importer of
// go-redis.
package redis

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
)

// ErrUnavailable says that Redis did not take an event: it does not answer, or
// refuses for now. The event may be published again.
var ErrUnavailable = errors.New("redis is unavailable")

//go:embed publish.lua
var publishScript string

//go:embed erase.lua
var eraseScript string

const (
	// largest is how many events travel together at most: beyond 100 more gain
	// nothing, and the server is held up for 2 ms.
	largest = 100
	// flights is how many batches are under way at once: while the server works
	// on one, the next is encoded.
	flights = 2
)

// Publisher writes events to Redis.
//
// When Publish returns nil the server has the event in its memory; how far it
// survives the server is the server's setting (docs/redis.md). An event is
// tried once within Config.Timeout; whoever publishes repeats it, which does no
// harm. A Redis that is away is no error of New: events fail until it is back.
//
// The goroutines of a Publisher live only while there is something to write.
type Publisher struct {
	cfg     Config
	client  redis.UniversalClient
	publish *redis.Script
	erase   *redis.Script
	counts  counts
	trouble *telemetry.Trouble
	now     func() time.Time

	length, age, ttl string // of Config, as the script takes them

	mu      sync.Mutex
	closed  bool
	pending []*request
	flying  int
	running sync.WaitGroup
	calls   calls
}

// request is what one caller waits for: some events in order.
type request struct {
	writes []write
	gone   func() error // why the caller no longer waits
	done   chan []error // takes one: what became of each write; nil if all are written
}

// New returns a Publisher. It connects to nothing before the first event.
func New(cfg Config, set telemetry.Settings) (*Publisher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !cfg.Enabled() {
		return nil, fmt.Errorf("%w: sink.redis.addresses is empty, set one host:port at least", ErrConfig)
	}
	client, err := connect(cfg, set)
	if err != nil {
		return nil, err
	}
	counts, err := newCounts(set.Meter)
	if err != nil {
		return nil, err
	}
	return &Publisher{
		cfg: cfg, client: client, counts: counts, now: time.Now,
		publish: redis.NewScript(publishScript), erase: redis.NewScript(eraseScript),
		trouble: telemetry.NewTrouble(set.Logger, "the index of calls in Redis is behind"),
		length:  strconv.Itoa(cfg.HistoryLength),
		age:     milliseconds(cfg.HistoryAge),
		ttl:     milliseconds(cfg.TTL),
	}, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Check reports whether Redis answers.
func (p *Publisher) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	if err := p.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// Publish implements sink.Publisher. Callers that come at the same time share a
// round trip.
func (p *Publisher) Publish(ctx context.Context, e *sink.Event) error {
	w, err := p.prepare(e, "")
	if err != nil {
		return err
	}
	done, err := p.submit(ctx, []write{w})
	if err != nil {
		return err
	}
	select {
	case errs := <-done:
		return errors.Join(errs...)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// submit hands the writes to whichever goroutine flies next. What becomes of
// them comes from the channel.
func (p *Publisher) submit(ctx context.Context, writes []write) (<-chan []error, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &request{writes: writes, gone: ctx.Err, done: make(chan []error, 1)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, sink.ErrClosed
	}
	p.pending = append(p.pending, r)
	if p.flying < flights {
		p.flying++
		p.running.Go(p.fly)
	}
	return r.done, nil
}

// fly writes what is pending until nothing is.
func (p *Publisher) fly() {
	for batch := p.take(); batch != nil; batch = p.take() {
		p.write(batch)
	}
}

// take returns the next batch; nil, and the end of this flight, if there is
// none.
func (p *Publisher) take() []*request {
	p.mu.Lock()
	defer p.mu.Unlock()
	var batch []*request
	events := 0
	for len(p.pending) > 0 {
		r := p.pending[0]
		if err := r.gone(); err != nil {
			r.done <- everyone(len(r.writes), err)
		} else if events+len(r.writes) > largest && events > 0 {
			break
		} else {
			batch, events = append(batch, r), events+len(r.writes)
		}
		p.pending[0] = nil
		p.pending = p.pending[1:]
	}
	if len(p.pending) == 0 {
		p.pending = nil
	}
	if batch == nil {
		p.flying--
	}
	return batch
}

// Close refuses further events, waits for those under way, which takes
// Config.Timeout at most for each batch, and ends the connections.
func (p *Publisher) Close() error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	p.running.Wait()
	if again {
		return nil
	}
	return p.client.Close()
}
