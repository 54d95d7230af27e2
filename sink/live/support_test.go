package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/live"
	"github.com/valence-live/valence/sink/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network is a listener whose connections are pipes without any buffer: the
// time of a test in a bubble is that of the bubble, and a reader that does not
// read is felt at once.
type network struct {
	accepted chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

func newNetwork() *network {
	return &network{accepted: make(chan net.Conn), closed: make(chan struct{})}
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.accepted:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (n *network) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case n.accepted <- there:
		return here, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// server is a live sink behind such a network.
type server struct {
	store   *memory.Store
	handler *live.Handler
	client  *http.Client
	net     *network
}

func serve(t *testing.T, cfg live.Config) *server {
	t.Helper()
	s := &server{store: memory.New(memory.Default()), net: newNetwork()}
	var err error
	s.handler, err = live.New(cfg, s.store, telemetry.Nop())
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("GET /v1/sessions/{session}/events", s.handler.Events())
	web := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	transport := &http.Transport{DialContext: s.net.dial}
	s.client = &http.Client{Transport: transport}
	var serving sync.WaitGroup
	serving.Go(func() { assert.ErrorIs(t, web.Serve(s.net), http.ErrServerClosed) })
	t.Cleanup(func() {
		assert.NoError(t, s.store.Close())
		_ = web.Close()
		assert.NoError(t, s.handler.Shutdown(context.Background()))
		transport.CloseIdleConnections()
		serving.Wait()
	})
	return s
}

// whole escapes every byte of an id, so that no path is cleaned.
func whole(id string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(id) {
		b.Write([]byte{'%', digits[id[i]>>4], digits[id[i]&15]})
	}
	return b.String()
}

func address(session, query string) string {
	return "http://valence/v1/sessions/" + whole(session) + "/events" + query
}

// message is one block of an event stream.
type message struct {
	kind, id, data, comment string
}

func (m message) event(t *testing.T) *sink.Event {
	t.Helper()
	e, err := sink.Decode([]byte(m.data))
	require.NoError(t, err)
	return e
}

// lost reads what the reader is told to have missed.
func (m message) lost(t *testing.T) memory.Lost {
	t.Helper()
	require.Equal(t, "lost", m.kind)
	var lost memory.Lost
	require.NoError(t, json.Unmarshal([]byte(m.data), &lost))
	return lost
}

// stream reads Server-Sent Events.
type stream struct {
	response *http.Response
	lines    *bufio.Reader
}

func (s *server) open(t *testing.T, query, last string) *stream {
	t.Helper()
	return s.openAt(t, address("call", query), last)
}

func (s *server) openAt(t *testing.T, url, last string) *stream {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	if last != "" {
		request.Header.Set("Last-Event-ID", last)
	}
	response, err := s.client.Do(request) //nolint:bodyclose // stream.close does
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	in := &stream{response: response, lines: bufio.NewReader(response.Body)}
	t.Cleanup(in.close)
	first, err := in.next()
	require.NoError(t, err)
	require.Equal(t, "valence", first.comment)
	return in
}

func (s *stream) close() { _ = s.response.Body.Close() }

func (s *stream) next() (m message, err error) {
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "":
			if line == "\n" {
				return m, nil
			}
			m.comment = value
		case "event":
			m.kind = value
		case "id":
			m.id = value
		case "data":
			m.data += value
		}
	}
}

func (s *stream) expect(t *testing.T) message {
	t.Helper()
	m, err := s.next()
	require.NoError(t, err)
	return m
}

func (s *stream) ends(t *testing.T) {
	t.Helper()
	_, err := s.next()
	require.ErrorIs(t, err, io.EOF)
}
