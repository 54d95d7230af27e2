package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// metadataTTL is how old what we know of the cluster may be: where the leaders
// are, which topics there are. A topic that is made later is seen after it.
const metadataTTL = time.Second

// errClosed says that the client takes no more requests.
var errClosed = errors.New("the client is closed")

// client asks the brokers of one cluster. It may be used from any goroutine.
type client struct {
	timeout   time.Duration
	transport *kafkago.Transport
	api       *kafkago.Client
	stop      context.CancelFunc

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// newClient connects to nobody yet. The transport asks about our topics alone,
// not about all of a large cluster.
func newClient(cfg Config) (*client, error) {
	mechanism, err := cfg.SASL.Client("ingest.kafka")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	encryption, err := cfg.TLS.Client("ingest.kafka")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &client{timeout: cfg.RequestTimeout, stop: stop, conns: map[net.Conn]struct{}{}}
	c.transport = &kafkago.Transport{
		Dial:           c.dial,
		DialTimeout:    cfg.RequestTimeout,
		MetadataTTL:    metadataTTL,
		MetadataTopics: cfg.everyTopic(),
		ClientID:       "valence",
		TLS:            encryption,
		SASL:           mechanism,
		Context:        ctx,
	}
	c.api = &kafkago.Client{Addr: kafkago.TCP(cfg.Brokers...), Timeout: cfg.RequestTimeout, Transport: c.transport}
	return c, nil
}

// everyTopic lists all topics that we read or write.
func (c Config) everyTopic() []string {
	out := append([]string{}, c.Topics...)
	for _, t := range []string{c.State, c.DeadLetter} {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

// ask sends a request to the broker that it is for and waits for the answer no
// longer than limit.
func (c *client) ask(ctx context.Context, limit time.Duration, request protocol.Message) (protocol.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return c.transport.RoundTrip(ctx, c.api.Addr, request)
}

// dial opens a connection and keeps hold of it: kafka-go leaves one that waits
// for an answer open until that comes.
func (c *client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: c.timeout}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close()
		return nil, errClosed
	}
	c.conns[conn] = struct{}{}
	return &heldConn{Conn: conn, owner: c}, nil
}

type heldConn struct {
	net.Conn
	owner *client
}

func (h *heldConn) Close() error {
	h.owner.mu.Lock()
	delete(h.owner.conns, h.Conn)
	h.owner.mu.Unlock()
	return h.Conn.Close()
}

// close ends all connections, also those that wait for an answer.
func (c *client) close() {
	c.mu.Lock()
	c.closed = true
	for conn := range c.conns {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.stop()
	c.transport.CloseIdleConnections()
}

// A backoff spaces attempts: 100 ms at first, twice as long each time, 2 s at most.
type backoff struct{ last time.Duration }

// wait returns false when ctx has ended.
func (b *backoff) wait(ctx context.Context) bool {
	b.last = min(max(2*b.last, 100*time.Millisecond), 2*time.Second)
	timer := time.NewTimer(b.last)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (b *backoff) reset() { b.last = 0 }
