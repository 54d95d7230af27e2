package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"github.com/valence-live/valence/api"
	"github.com/valence-live/valence/internal/auth"
	"github.com/valence-live/valence/internal/problem"
)

func (s *Server) livez(w http.ResponseWriter, _ *http.Request, _ auth.Grant) { fine(w) }

// readyz tells everybody whether, and the log why.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request, _ auth.Grant) {
	var err error
	if s.deps.Ready != nil {
		err = s.deps.Ready()
	}
	s.ready.log(r.Context(), s.log, err)
	if err != nil {
		problem.Write(w, http.StatusServiceUnavailable, "Not ready", "new calls cannot be taken at present")
		return
	}
	fine(w)
}

func fine(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok\n")
}

// transition logs readiness when it changes.
type transition struct {
	mu  sync.Mutex
	bad bool
}

func (t *transition) log(ctx context.Context, logger *slog.Logger, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if bad := err != nil; bad != t.bad {
		t.bad = bad
		if bad {
			logger.WarnContext(ctx, "not ready", slog.Any("error", err))
		} else {
			logger.InfoContext(ctx, "ready")
		}
	}
}

// document serves the OpenAPI document.
func (s *Server) document(w http.ResponseWriter, _ *http.Request, _ auth.Grant) {
	w.Header().Set("Content-Type", "application/yaml") // RFC 9512
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(api.OpenAPI())
}

// events streams events for as long as the reader stays.
func (s *Server) events(w http.ResponseWriter, r *http.Request, _ auth.Grant) {
	s.streams.serve(s.deps.Events, w, r)
}
