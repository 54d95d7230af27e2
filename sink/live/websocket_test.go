package live_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/live"
	"github.com/valence-live/valence/sink/sinktest"
)

type packet struct {
	Type, ID string
	Data     json.RawMessage
}

func (s *server) dial(t *testing.T, query string) *websocket.Conn {
	t.Helper()
	conn, response, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(address("call", query), "http"), &websocket.DialOptions{HTTPClient: s.client})
	require.NoError(t, err)
	if response.Body != nil {
		require.NoError(t, response.Body.Close())
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func receive(t *testing.T, conn *websocket.Conn) packet {
	t.Helper()
	kind, text, err := conn.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, websocket.MessageText, kind)
	var p packet
	require.NoError(t, json.Unmarshal(text, &p))
	return p
}

func TestAWebSocketCarriesTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, live.Default())
		conn := s.dial(t, "")
		e := sinktest.Event("call", "a", 1)
		s.publish(t, e)
		require.NoError(t, s.store.Tell(sink.Status{Session: "call", Participant: "a", State: sink.NoData, Purpose: ingest.General}))
		p := receive(t, conn)
		assert.Equal(t, "event", p.Type)
		got, err := sink.Decode(p.Data)
		require.NoError(t, err)
		assert.Equal(t, e, got)
		assert.Equal(t, "status", receive(t, conn).Type)
		s.publish(t, sinktest.Event("call", "a", 2))
		receive(t, conn)

		again := s.dial(t, "?last_event_id="+p.ID)
		got, err = sink.Decode(receive(t, again).Data)
		require.NoError(t, err)
		assert.Equal(t, sinktest.Event("call", "a", 2), got)

		closed := make(chan error)
		go func() {
			_, _, err := conn.Read(t.Context())
			closed <- err
		}()
		require.NoError(t, again.CloseNow())
		require.NoError(t, s.store.Close())
		assert.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(<-closed))
		require.NoError(t, s.handler.Shutdown(t.Context()))
	})
}

func TestASilentWebSocketIsPingedAndADeadOneNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := live.Default()
		cfg.Clients = 1
		s := serve(t, cfg)
		s.dial(t, "") // nobody reads: no pong
		time.Sleep(cfg.Heartbeat + cfg.WriteTimeout + time.Second)
		s.dial(t, "")
	})
}

func TestWhatAReaderSaysEndsItsWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, live.Default())
		conn := s.dial(t, "")
		require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte("hello")))
		_, _, err := conn.Read(t.Context())
		assert.Equal(t, websocket.StatusPolicyViolation, websocket.CloseStatus(err))
	})
}

func TestAPageOfAnotherSiteOpensAWebSocketOnlyWhereItsOriginIsListed(t *testing.T) {
	cfg := live.Default()
	cfg.Origins = []string{"https://app.example.com"}
	s := serve(t, cfg)
	for origin, want := range map[string]int{"https://evil.example.com": http.StatusForbidden, "https://app.example.com": http.StatusSwitchingProtocols, "http://valence": http.StatusSwitchingProtocols} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address("call", ""), http.NoBody)
		require.NoError(t, err)
		for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": origin} {
			request.Header.Set(name, value)
		}
		response, err := s.client.Do(request)
		require.NoError(t, err)
		assert.Equal(t, want, response.StatusCode, origin)
		if want == http.StatusForbidden {
			assert.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
		}
		require.NoError(t, response.Body.Close())
	}
}

func TestAHandshakeThatIsNoneIsAProblem(t *testing.T) {
	s := serve(t, live.Default())
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	request.SetPathValue("session", "call")
	request.Header.Set("Upgrade", "websocket")
	response := httptest.NewRecorder()
	s.handler.Events().ServeHTTP(response, request)
	assert.Equal(t, http.StatusUpgradeRequired, response.Code)
	assert.Equal(t, "application/problem+json", response.Header().Get("Content-Type"))
}
