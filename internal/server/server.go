// Package server is the HTTP interface of the program, as api/openapi.yaml
// describes it: it decides who may ask what, keeps requests within bounds, and
// hands them to the stages behind. Every error is a problem (RFC 9457).
//
// Without tokens it listens on the loopback interface alone and answers to the
// names of that alone, so that neither the network nor a page of another site
// reaches what people say here.
//
// It counts valence.http.requests by http.route and status class.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/valence-live/valence/internal/auth"
	"github.com/valence-live/valence/internal/telemetry"
)

// maxHeader bounds the head of a request, in bytes: a token has up to 8 KiB.
const maxHeader = 32 << 10

// Server serves the HTTP interface. Its methods may be called from any goroutine.
type Server struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	tokens  *auth.Authenticator
	posts   *limiter
	faults  *telemetry.Trouble
	refused *telemetry.Trouble
	http    *http.Server
	streams streams
	ready   transition

	mu       sync.Mutex
	listener net.Listener
	done     chan struct{}
}

// New validates the settings and reads the files that they name. It starts
// nothing. The error wraps ErrConfig or auth.ErrConfig.
func New(cfg Config, deps Deps, set telemetry.Settings) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	tokens, err := auth.New(cfg.auth())
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, deps: deps, log: set.Logger, tokens: tokens, posts: newLimiter(cfg.PostRate),
		faults:  telemetry.NewTrouble(set.Logger, "a request could not be served"),
		refused: telemetry.NewTrouble(set.Logger, "a connection failed"),
	}
	count, err := newCounter(set)
	if err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           s.outer(s.mux(), count),
		ReadHeaderTimeout: cfg.ReadHeaderTimeout,
		ReadTimeout:       cfg.ReadTimeout,
		WriteTimeout:      cfg.WriteTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(complaints{s.refused}, slog.LevelWarn),
	}
	if cfg.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("%w: server.tls_cert, server.tls_key: %w", ErrConfig, err)
		}
		s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	return s, nil
}

// Handler returns all that is served, for use without a listener.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Start listens and serves until Shutdown. ctx bounds the start alone.
func (s *Server) Start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		err = fmt.Errorf("listen on %s (server.listen): %w", s.cfg.Listen, err)
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w; another program has the port, perhaps another valence: take another, such as 127.0.0.1:0 for one that is free", err)
		}
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return errors.Join(errors.New("the server is started already"), listener.Close())
	}
	s.listener, s.done = listener, make(chan struct{})
	host, _, _ := net.SplitHostPort(s.cfg.Listen) // it was listened on
	if s.http.TLSConfig == nil && !isLoopback(host) {
		s.log.WarnContext(ctx, "tokens and media keys travel in the clear", slog.String("set", "server.tls_cert, or a proxy with TLS in front"))
	}
	go s.serve(context.WithoutCancel(ctx), listener, s.done)
	return nil
}

func (s *Server) serve(ctx context.Context, listener net.Listener, done chan struct{}) {
	defer close(done)
	serve := s.http.Serve
	if s.http.TLSConfig != nil {
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
		s.log.ErrorContext(ctx, "the HTTP server stopped", slog.Any("error", err))
	}
}

// Addr returns the address that it listens on; empty before Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// farewell is how long streams may take to end by themselves.
const farewell = time.Second

// Shutdown takes no more requests and waits for those that are open, as long as
// ctx lasts; then it cuts them off and returns ctx's error. Streams of events
// have a second to send what was said last: who shuts down their source at the
// same time lets them end well.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	done := s.done
	s.mu.Unlock()
	if done == nil {
		return nil
	}
	late := time.AfterFunc(farewell, s.streams.end)
	defer late.Stop()
	err := s.http.Shutdown(ctx)
	if err == nil {
		err = s.streams.wait(ctx)
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("finish the open requests: %w", err), s.http.Close())
	}
	<-done
	return err
}

// complaints takes what net/http has to say about connections: TLS handshakes
// that fail, files that run out. It is logged once a second, with the count.
type complaints struct{ trouble *telemetry.Trouble }

var _ slog.Handler = complaints{}

// Enabled implements slog.Handler.
func (complaints) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (c complaints) Handle(ctx context.Context, r slog.Record) error {
	c.trouble.Warn(ctx, errors.New(r.Message))
	return nil
}

// WithAttrs implements slog.Handler: net/http has a message alone.
func (c complaints) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup implements slog.Handler.
func (c complaints) WithGroup(string) slog.Handler { return c }
