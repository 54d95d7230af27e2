// Package live shows scores while they are made: as Server-Sent Events and over
// a WebSocket for programs, and as pages and a module for browsers, all inside
// the program.
package live

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/problem"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
)

// Handler serves what is in a Store. Its methods may be called from any
// goroutine.
type Handler struct {
	cfg    Config
	store  *memory.Store
	boot   string // names the positions of this run
	log    *slog.Logger
	counts counts

	mu      sync.Mutex
	clients map[*client]struct{}
	closed  bool
	idle    chan struct{} // closed when there is no client left after closed
}

// client is one reader.
type client struct {
	cancel context.CancelFunc
}

// New returns a Handler of the Store's events. It starts nothing.
func New(cfg Config, store *memory.Store, set telemetry.Settings) (*Handler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var boot [6]byte
	_, _ = rand.Read(boot[:]) // never fails since Go 1.24
	h := &Handler{
		cfg: cfg, store: store, boot: hex.EncodeToString(boot[:]), log: set.Logger,
		clients: map[*client]struct{}{}, idle: make(chan struct{}),
	}
	var err error
	h.counts, err = newCounts(set.Meter)
	return h, err
}

// Shutdown takes no more readers and waits until those that are there have got
// all that a closed Store had for them: close the Store first. Who is still
// there when ctx ends is cut off; then its error is returned.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		h.settle()
	}
	h.mu.Unlock()
	select {
	case <-h.idle:
		return nil
	case <-ctx.Done():
	}
	h.mu.Lock()
	for c := range h.clients {
		c.cancel()
	}
	h.mu.Unlock()
	<-h.idle
	return ctx.Err()
}

// settle notices, under the lock, that the last client has gone.
func (h *Handler) settle() {
	if h.closed && len(h.clients) == 0 {
		close(h.idle)
	}
}

// errBusy says that there are as many readers as there may be.
var errBusy = errors.New("too many readers")

// enter registers a reader.
func (h *Handler) enter(cancel context.CancelFunc) (leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, sink.ErrClosed
	case len(h.clients) >= h.cfg.Clients:
		return nil, errBusy
	}
	c := &client{cancel: cancel}
	h.clients[c] = struct{}{}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.clients, c)
		h.settle()
	}, nil
}

// Events serves GET /v1/sessions/{session}/events: the events and statuses of a
// call, of one person in it with ?participant=. It is a stream of Server-Sent
// Events, or a WebSocket where the request asks for one. A call that has not
// begun is waited for. A reader begins with the newest event of each
// participant; one that gives the last id that it got, as Last-Event-ID or
// ?last_event_id=, with all that came after it and is kept.
//
// Whatever wraps the ResponseWriter must have Unwrap: deadlines are set for each
// message through http.ResponseController.
func (h *Handler) Events() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		view, err := h.view(r)
		if err != nil {
			problem.Write(w, http.StatusBadRequest, "Unusable id", err.Error())
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		leave, err := h.enter(cancel)
		if err != nil {
			h.refuse(ctx, w, err)
			return
		}
		defer leave()
		watcher := h.store.Watch(view)
		defer watcher.Close()
		transport, stream := "sse", h.sse
		if headerHas(r.Header, "Upgrade", "websocket") {
			transport, stream = "websocket", h.webSocket
		}
		defer h.counts.enter(ctx, transport)()
		h.log.DebugContext(ctx, "reader_came", slog.String("transport", transport))
		err = stream(ctx, w, r, watcher)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
			h.counts.cutOff(ctx, transport)
			h.log.InfoContext(ctx, "reader_cut_off", slog.String("transport", transport), slog.Duration("write_timeout", h.cfg.WriteTimeout))
			return
		}
		h.log.DebugContext(ctx, "reader_left", slog.String("transport", transport), slog.Any("why", err))
	})
}

func (h *Handler) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "5")
	if errors.Is(err, errBusy) {
		h.counts.refused(ctx)
		problem.Write(w, http.StatusServiceUnavailable, "Too many readers",
			fmt.Sprintf("%d readers are served at once (sink.live.clients); come again later", h.cfg.Clients))
		return
	}
	problem.Write(w, http.StatusServiceUnavailable, "Stopping", "the server is stopping; come again later")
}

// view reads what the request wants to see.
func (h *Handler) view(r *http.Request) (memory.View, error) {
	query := r.URL.Query()
	v := memory.View{Session: r.PathValue("session"), Participant: query.Get("participant"), Room: h.cfg.Queue}
	who := v.Participant
	if who == "" {
		who = "anybody"
	}
	if _, err := ingest.NewParticipant(v.Session, who); err != nil {
		return v, err
	}
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = query.Get("last_event_id")
	}
	if last != "" {
		v.Replay, v.After = true, h.after(last)
	}
	return v, nil
}

// headerHas reports whether a comma-separated header lists the token.
func headerHas(header http.Header, name, token string) bool {
	for _, line := range header.Values(name) {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}
