package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/valence-live/valence/internal/problem"
	"github.com/valence-live/valence/internal/telemetry"
)

// outer is what every request passes, whatever its path.
func (s *Server) outer(mux http.Handler, count counter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, begun := r.Context(), time.Now()
		out := &recorder{ResponseWriter: w}
		defer func() {
			broken := s.recovered(ctx, out, r.Pattern, recover())
			count.add(ctx, r.Pattern, out.status)
			if s.cfg.LogRequests {
				s.log.InfoContext(ctx, "request", slog.String("method", r.Method), slog.String("route", r.Pattern),
					slog.Int("status", out.status), slog.Duration("took", time.Since(begun)))
			}
			if broken {
				panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break a response off
			}
		}()
		s.secure(out.Header())
		if !s.rightHost(out, r) || !s.rightOrigin(out, r) {
			return
		}
		if r.RequestURI == "*" || r.Method == http.MethodConnect { // http.ServeMux would answer without a problem
			notFound(out, r)
			return
		}
		mux.ServeHTTP(out, r)
	})
}

// recovered turns a panic into an error for this client alone. It reports
// whether the response has begun and must be broken off.
func (s *Server) recovered(ctx context.Context, out *recorder, route string, fault any) (broken bool) {
	switch err, ok := fault.(error); {
	case fault == nil:
		return false
	case ok && errors.Is(err, http.ErrAbortHandler):
		return true
	}
	s.faults.Warn(ctx, fmt.Errorf("%s: panic: %v\n%s", route, fault, debug.Stack()))
	if out.status != 0 {
		return true
	}
	problem.Write(out, http.StatusInternalServerError, "", "the server has a fault here; its log says more")
	return false
}

// rightHost refuses names that are not of this machine while no token protects
// it: a page of another site could have its name resolve to 127.0.0.1 (DNS
// rebinding).
func (s *Server) rightHost(w http.ResponseWriter, r *http.Request) bool {
	if s.tokens.Required() {
		return true
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if isLoopback(host) {
		return true
	}
	problem.Write(w, http.StatusMisdirectedRequest, "", fmt.Sprintf("without tokens this server answers to localhost alone, not to %.100q; set server.tokens", host))
	return false
}

// recorder remembers the status of a response.
type recorder struct {
	http.ResponseWriter
	status int // 0 before the head is written
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// counter is valence.http.requests.
type counter struct{ requests metric.Int64Counter }

func newCounter(set telemetry.Settings) (counter, error) {
	requests, err := set.Meter.Meter(telemetry.Scope).Int64Counter("valence.http.requests",
		metric.WithUnit("{request}"), metric.WithDescription("Requests that were answered, by route and class of status."))
	return counter{requests}, err
}

func (c counter) add(ctx context.Context, route string, status int) {
	if status == 0 {
		status = http.StatusOK
	}
	c.requests.Add(ctx, 1, metric.WithAttributes(
		attribute.String("http.route", route), attribute.String("http.response.status_class", fmt.Sprintf("%dxx", status/100))))
}
