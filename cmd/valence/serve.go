package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/valence-live/valence/internal/config"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
)

// serveCmd scores calls as they go.
type serveCmd struct {
	Listen string `help:"Address of the HTTP interface and the pages (server.listen); port 0 takes a free one." placeholder:"127.0.0.1:8080"`
	Role   role   `help:"What this process does: all takes media in and scores it; gateway takes media in and sends features to Kafka; worker scores features from Kafka." enum:"all,gateway,worker" default:"all"`
}

// role is what a process does of the whole.
type role string

// The roles.
const (
	roleAll     role = "all"     // media in, scores out
	roleGateway role = "gateway" // media in, features out to Kafka
	roleWorker  role = "worker"  // features in from Kafka, scores out
)

// Help is shown by --help.
func (serveCmd) Help() string {
	return `Open the address that it prints: the page there asks for consent, publishes camera and microphone, and shows the sentiment over the picture; /dashboard shows all calls. Products publish by WHIP (POST /whip/SESSION/PARTICIPANT) and read by Server-Sent Events (GET /v1/sessions/SESSION/events); /openapi.yaml describes everything.

Nothing is analysed before consent. Without tokens it serves this machine alone. Each window is also published as soon as it is reached (provisional), before it is final.

Kafka and Redis are used where their addresses are set: ingest.kafka.brokers, sink.kafka.brokers, sink.redis.addresses. SIGHUP reads the model again.

Examples:
  valence serve
  valence serve --config valence.yaml --listen 0.0.0.0:8443
  VALENCE_INGEST_WEBRTC_UDP=:8189 valence serve --listen 127.0.0.1:9000
  VALENCE_SINK_REDIS_ADDRESSES='[127.0.0.1:6379]' valence serve
  VALENCE_INGEST_KAFKA_BROKERS='[127.0.0.1:9092]' valence serve --role worker --listen 127.0.0.1:0`
}

// drain is how long a shutdown may take: what is open is scored and published,
// and readers get it.
const drain = 10 * time.Second

// Run serves until it is interrupted.
func (s *serveCmd) Run(ctx context.Context, c *cli) (err error) {
	defaults := config.Default()
	defaults.Align.Provisional = true // somebody watches
	cfg, err := config.LoadOver(defaults, c.Config, os.Environ())
	if err != nil {
		return err
	}
	if s.Listen != "" {
		cfg.Server.Listen = s.Listen
		if err = cfg.Server.Validate(); err != nil {
			return err
		}
	}
	logger, err := telemetry.NewLogger(cfg.Log, os.Stderr)
	if err != nil {
		return err
	}
	set, metrics, stop, err := telemetry.StartServer(ctx, logger, version())
	defer func() { err = errors.Join(err, stop(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	engine, err := pipeline.Open(cfg.Inference, set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close(context.WithoutCancel(ctx))) }()
	p, err := newService(s.Role, cfg, engine, set, metrics)
	if err != nil {
		return err
	}
	if err := p.start(ctx); err != nil {
		return err
	}
	address := address(p.server.Addr(), cfg.Server.TLSCert != "")
	fmt.Println(address)
	fmt.Fprintf(os.Stderr, "valence: open %s in a browser; Ctrl-C ends it\n", address)
	stopReloading := reloadOnHangup(ctx, engine, set.Logger)
	broken := p.wait(ctx)
	stopReloading()
	fmt.Fprintln(os.Stderr, "valence: stopping")
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	return errors.Join(broken, p.shutdown(deadline))
}

// address is what a person on this machine opens.
func address(listens string, secure bool) string {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(listens)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		listens = net.JoinHostPort("localhost", port)
	}
	return scheme + "://" + listens
}
