package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/coder/websocket"

	"github.com/valence-live/valence/internal/problem"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
)

// webSocket sends what the watcher gets until one of the three ends. What a
// reader sends is not read: a message from it ends the connection (1008).
func (h *Handler) webSocket(ctx context.Context, w http.ResponseWriter, r *http.Request, watcher *memory.Watcher) error {
	conn, err := websocket.Accept(&refusal{ResponseWriter: w}, r, &websocket.AcceptOptions{OriginPatterns: h.cfg.Origins})
	if err != nil {
		return err // Accept has answered
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var listening sync.WaitGroup
	listening.Go(func() { cancel(listen(ctx, conn)) })
	defer listening.Wait()
	defer conn.CloseNow() //nolint:errcheck // after Close it only confirms
	for {
		f, alive, err := h.next(ctx, watcher)
		switch {
		case errors.Is(err, sink.ErrClosed):
			return conn.Close(websocket.StatusGoingAway, "the server is stopping")
		case errors.Is(err, errSpoke):
			return errors.Join(err, conn.Close(websocket.StatusPolicyViolation, "nothing is read here"))
		case err != nil:
			return err
		case alive:
			err = h.ping(ctx, conn)
		default:
			err = h.write(ctx, conn, f)
		}
		if err != nil {
			return err
		}
	}
}

// errSpoke says that a reader sent a message.
var errSpoke = errors.New("the reader sent a message")

// listen answers pings and the closing of the other side until it is closed, or
// a message comes.
func listen(ctx context.Context, conn *websocket.Conn) error {
	if _, _, err := conn.Reader(ctx); err != nil {
		return err
	}
	return errSpoke
}

func (h *Handler) ping(ctx context.Context, conn *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.WriteTimeout)
	defer cancel()
	return conn.Ping(ctx)
}

func (h *Handler) write(ctx context.Context, conn *websocket.Conn, f frame) error {
	message, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, h.cfg.WriteTimeout)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, message)
}

// refusal turns the plain text with which a handshake is refused into a
// problem.
type refusal struct {
	http.ResponseWriter
	status int
}

// Unwrap lets the connection be taken over.
func (r *refusal) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader keeps the status of a refusal until its reason is known.
func (r *refusal) WriteHeader(status int) {
	if r.status = status; status < http.StatusBadRequest {
		r.ResponseWriter.WriteHeader(status)
	}
}

// Write answers with the reason.
func (r *refusal) Write(why []byte) (int, error) {
	if r.status < http.StatusBadRequest {
		return r.ResponseWriter.Write(why)
	}
	problem.Write(r.ResponseWriter, r.status, "No WebSocket", strings.TrimSpace(string(why)))
	return len(why), nil
}
