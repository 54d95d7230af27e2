package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/valence-live/valence/ingest/webrtc"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/config"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/server"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/live"
	"github.com/valence-live/valence/sink/memory"
)

// serveCmd scores live calls.
type serveCmd struct {
	Listen string `help:"Address of the HTTP interface and the pages (server.listen); port 0 takes a free one." placeholder:"127.0.0.1:8080"`
	Role   string `help:"What this process does. all: media in, scores out." enum:"all" default:"all"`
}

// Help is shown by --help.
func (serveCmd) Help() string {
	return `Open the address that it prints: the page there asks for consent, publishes camera and microphone, and shows the sentiment over the picture; /dashboard shows all calls. Products publish by WHIP (POST /whip/SESSION/PARTICIPANT) and read by Server-Sent Events (GET /v1/sessions/SESSION/events); /openapi.yaml describes everything.

Nothing is analysed before consent. Without tokens it serves this machine alone. Each window is also published as soon as it is reached (provisional), before it is final.

Examples:
  valence serve
  valence serve --config valence.yaml --listen 0.0.0.0:8443
  VALENCE_INGEST_WEBRTC_UDP=:8189 valence serve --listen 127.0.0.1:9000`
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
	p, err := newService(cfg, engine, set, metrics)
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
	p.wait(ctx)
	stopReloading()
	fmt.Fprintln(os.Stderr, "valence: stopping")
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	return p.shutdown(deadline)
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

// service is all that serves live calls, from source to sink.
type service struct {
	gateway *webrtc.Gateway
	calls   *calls.Registry
	store   *memory.Store
	events  *live.Handler
	server  *server.Server
}

// newService wires the parts and starts nothing.
func newService(cfg config.Config, engine *pipeline.Engine, set telemetry.Settings, metrics http.Handler) (*service, error) {
	call := pipeline.CallConfig{Align: cfg.Align, Rolling: cfg.Sink.Rolling}
	call.Align.Limits = engine.Limits()
	call.Rolling.Hop = call.Align.Hop
	p := &service{store: memory.New(memory.Live())}
	var err error
	if p.calls, err = calls.New(cfg.Calls, call, calls.Scoring(engine), p.store, p.store, set); err != nil {
		return nil, err
	}
	if p.gateway, err = webrtc.New(cfg.Ingest.WebRTC, p.calls, set); err != nil {
		return nil, err
	}
	cfg.Sink.Live.Origins = cfg.Server.CORSOrigins
	if p.events, err = live.New(cfg.Sink.Live, p.store, set); err != nil {
		return nil, err
	}
	p.server, err = server.New(cfg.Server, server.Deps{
		Calls: p.calls, Pulls: pulls{p.gateway}, WHIP: p.gateway.WHIP(),
		Events: p.events.Events(), Pages: p.events.Pages(), Metrics: metrics, Ready: p.calls.Ready,
	}, set)
	return p, err
}

// start opens the ways in, from the sink back to the source.
func (p *service) start(ctx context.Context) error {
	if err := p.gateway.Start(ctx); err != nil {
		return err
	}
	if err := p.server.Start(ctx); err != nil {
		return errors.Join(err, p.gateway.Shutdown(context.WithoutCancel(ctx)))
	}
	return nil
}

// wait returns when ctx is done. Meanwhile it has old events forgotten.
func (p *service) wait(ctx context.Context) {
	ticker := time.NewTicker(30 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			p.store.Expire(now.Add(-memory.Live().Age))
		case <-ctx.Done():
			return
		}
	}
}

// shutdown stops from the source to the sink, each part drained before the next
// stops, so that the readers get what was said last.
func (p *service) shutdown(ctx context.Context) error {
	err := errors.Join(p.gateway.Shutdown(ctx), p.calls.Shutdown(ctx), p.store.Close())
	var last errgroup.Group // a request is only over when its reader has left
	last.Go(func() error { return p.events.Shutdown(ctx) })
	last.Go(func() error { return p.server.Shutdown(ctx) })
	return errors.Join(err, last.Wait())
}
