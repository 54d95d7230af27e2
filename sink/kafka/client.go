package kafka

import (
	"context"
	"fmt"
	"net"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// metadataTTL is how old what we know of the cluster may be: where the leaders
// are, which topics there are. A topic that is made later is seen after it.
const metadataTTL = time.Second

// client asks the brokers of one cluster. It may be used from any goroutine.
type client struct {
	*kafkago.Client
	transport *kafkago.Transport
	stop      context.CancelFunc
}

// newClient connects to nobody yet. The transport is our own: the shared one
// learns of a topic too late, and asks about all of a large cluster.
func newClient(cfg Config) (*client, error) {
	mechanism, err := cfg.SASL.Client("sink.kafka")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	encryption, err := cfg.TLS.Client("sink.kafka")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	transport := &kafkago.Transport{
		Dial:           (&net.Dialer{Timeout: cfg.Timeout}).DialContext,
		DialTimeout:    cfg.Timeout,
		MetadataTTL:    metadataTTL,
		MetadataTopics: cfg.topics(),
		ClientID:       "valence",
		TLS:            encryption,
		SASL:           mechanism,
		Context:        ctx,
	}
	return &client{
		Client:    &kafkago.Client{Addr: kafkago.TCP(cfg.Brokers...), Timeout: cfg.Timeout, Transport: transport},
		transport: transport, stop: stop,
	}, nil
}

func (c *client) close() {
	c.stop()
	c.transport.CloseIdleConnections()
}
