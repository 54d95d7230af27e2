package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/valence-live/valence/internal/problem"
	"github.com/valence-live/valence/sink/memory"
)

// writeSSE appends the frame in the syntax of an event stream (HTML, 9.2.5). A
// score is a message without a name, which every reader gets by default. The
// data is one line: JSON has no line feed outside its strings, and escapes it
// inside.
func (f frame) writeSSE(b *bytes.Buffer) {
	if f.Type != kindEvent {
		b.WriteString("event: " + f.Type + "\n")
	}
	if f.ID != "" {
		b.WriteString("id: " + f.ID + "\n")
	}
	b.WriteString("data: ")
	b.Write(f.Data)
	b.WriteString("\n\n")
}

// sse sends what the watcher gets until one of the three ends.
func (h *Handler) sse(ctx context.Context, w http.ResponseWriter, r *http.Request, watcher *memory.Watcher) error {
	to := http.NewResponseController(w)
	// A stream outlives the write time-out of a request; each message has its own.
	if err := to.SetWriteDeadline(time.Now().Add(h.cfg.WriteTimeout)); err != nil {
		problem.Write(w, http.StatusInternalServerError, "", "the connection cannot stream")
		return fmt.Errorf("set the deadlines of a stream: %w", err)
	}
	defer func() { _ = to.SetWriteDeadline(time.Time{}) }() // the connection may serve another request
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx holds responses back otherwise
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	// Who is cut off while a message is being written need not wait for its end.
	stop := context.AfterFunc(ctx, func() { _ = to.SetWriteDeadline(time.Now()) })
	defer stop()
	var b bytes.Buffer
	send := func() error {
		if err := errors.Join(to.SetWriteDeadline(time.Now().Add(h.cfg.WriteTimeout)), context.Cause(ctx)); err != nil {
			return err
		}
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
		b.Reset()
		return to.Flush()
	}
	b.WriteString("retry: 2000\n: valence\n\n")
	for {
		if err := send(); err != nil {
			return err
		}
		f, alive, err := h.next(ctx, watcher)
		switch {
		case err != nil:
			return err
		case alive:
			b.WriteString(": alive\n\n")
		default:
			f.writeSSE(&b)
		}
	}
}

// next waits for something to send: a frame, or after a silence a sign of
// life. What cannot be encoded is left out.
func (h *Handler) next(ctx context.Context, watcher *memory.Watcher) (f frame, alive bool, err error) {
	silence, cancel := context.WithTimeout(ctx, h.cfg.Heartbeat)
	defer cancel()
	for {
		m, err := watcher.Next(silence)
		switch {
		case ctx.Err() != nil:
			return frame{}, false, context.Cause(ctx)
		case errors.Is(err, context.DeadlineExceeded):
			return frame{}, true, nil
		case err != nil:
			return frame{}, false, err
		}
		f, err := h.frame(m)
		if err == nil {
			h.counts.lost(ctx, m.Lost)
			return f, false, nil
		}
		h.log.WarnContext(ctx, "event_not_shown", slog.Any("error", err))
	}
}
