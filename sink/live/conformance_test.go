package live_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/live"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/sinktest"
)

// follower reads one session over a socket from before its first event on.
type follower struct {
	mu       sync.Mutex
	events   []*sink.Event
	position uint64
}

func (f *follower) take(id string, data []byte) error {
	e, err := sink.Decode(data)
	if err != nil {
		return err
	}
	_, number, _ := strings.Cut(id, "-")
	position, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events, f.position = append(f.events, e), position
	return nil
}

func (f *follower) read() ([]*sink.Event, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.events, f.position
}

// rig publishes to the store and reads what is served.
type rig struct {
	*memory.Store
	follow func(session string, f *follower)

	mu        sync.Mutex
	followers map[string]*follower
}

func (r *rig) follower(session string) *follower {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, ok := r.followers[session]
	if !ok {
		f = &follower{}
		r.followers[session] = f
		r.follow(session, f)
	}
	return f
}

func (r *rig) Publish(ctx context.Context, e *sink.Event) error {
	r.follower(e.Session)
	return r.Store.Publish(ctx, e)
}

func conformance(t *testing.T, follow func(t *testing.T, base string) func(session string, f *follower)) {
	t.Helper()
	sinktest.Run(t, func(t *testing.T) sinktest.Harness {
		t.Helper()
		cfg := live.Default()
		cfg.Queue = 2000
		store := memory.New(memory.Default())
		handler, err := live.New(cfg, store, telemetry.Nop())
		require.NoError(t, err)
		mux := http.NewServeMux()
		mux.Handle("GET /v1/sessions/{session}/events", handler.Events())
		web := httptest.NewServer(mux)
		t.Cleanup(func() {
			assert.NoError(t, store.Close())
			assert.NoError(t, handler.Shutdown(context.Background()))
			web.Close()
		})
		r := &rig{Store: store, follow: follow(t, web.URL), followers: map[string]*follower{}}
		return sinktest.Harness{
			Publisher: r, Close: store.Close,
			Events: func(t *testing.T, session string) []*sink.Event {
				t.Helper()
				f := r.follower(session)
				require.Eventually(t, func() bool {
					_, position := f.read()
					return position >= store.Position(session)
				}, 10*time.Second, time.Millisecond)
				events, _ := f.read()
				return events
			},
		}
	})
}

func TestConformanceOfServerSentEvents(t *testing.T) {
	conformance(t, func(t *testing.T, base string) func(string, *follower) {
		t.Helper()
		s := &server{client: http.DefaultClient}
		return func(session string, f *follower) {
			in := s.openAt(t, base+"/v1/sessions/"+whole(session)+"/events", "0")
			var reading sync.WaitGroup
			reading.Go(func() {
				for {
					m, err := in.next()
					if err != nil {
						return
					}
					if m.kind == "" && m.data != "" {
						assert.NoError(t, f.take(m.id, []byte(m.data)))
					}
				}
			})
			t.Cleanup(func() { in.close(); reading.Wait() })
		}
	})
}

func TestConformanceOfWebSockets(t *testing.T) {
	conformance(t, func(t *testing.T, base string) func(string, *follower) {
		t.Helper()
		return func(session string, f *follower) {
			conn, _, err := websocket.Dial(t.Context(), base+"/v1/sessions/"+whole(session)+"/events?last_event_id=0", nil) //nolint:bodyclose // there is none
			require.NoError(t, err)
			var reading sync.WaitGroup
			reading.Go(func() {
				for {
					_, text, err := conn.Read(context.Background())
					if err != nil {
						return
					}
					var p packet
					if assert.NoError(t, json.Unmarshal(text, &p)) && p.Type == "event" {
						assert.NoError(t, f.take(p.ID, p.Data))
					}
				}
			})
			t.Cleanup(func() { _ = conn.CloseNow(); reading.Wait() })
		}
	})
}
