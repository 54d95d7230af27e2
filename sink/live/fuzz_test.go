package live_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/live"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/sinktest"
)

// Whatever a reader asks for, it is answered with a stream or refused as its
// own mistake.
func FuzzRequest(f *testing.F) {
	f.Add("call", "participant=a", "feedc0de-1", false)
	f.Add("", "last_event_id=-1", "0", true)
	f.Add("a/b", "%", "18446744073709551616-18446744073709551616", false)
	f.Fuzz(func(t *testing.T, session, query, last string, upgrade bool) {
		store := memory.New(memory.Live())
		handler, err := live.New(live.Default(), store, telemetry.Nop())
		if err != nil {
			t.Fatal(err)
		}
		_ = store.Publish(t.Context(), sinktest.Event("call", "a", 1))
		_ = store.Close()
		request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody)
		request.SetPathValue("session", session)
		request.URL.RawQuery = query
		request.Header.Set("Last-Event-ID", last)
		if upgrade {
			request.Header.Set("Upgrade", "websocket")
		}
		response := &patient{httptest.NewRecorder()}
		handler.Events().ServeHTTP(response, request)
		switch response.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusUpgradeRequired:
		default:
			t.Errorf("answered with %d", response.Code)
		}
	})
}

// patient is a recorder that takes deadlines.
type patient struct{ *httptest.ResponseRecorder }

func (*patient) SetWriteDeadline(time.Time) error { return nil }

func BenchmarkAReader(b *testing.B) {
	store := memory.New(memory.Live())
	cfg := live.Default()
	cfg.Queue = 1e5
	handler, err := live.New(cfg, store, telemetry.Nop())
	if err != nil {
		b.Fatal(err)
	}
	request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", http.NoBody)
	request.SetPathValue("session", "call")
	request.Header.Set("Last-Event-ID", "0")
	const events = 600
	for i := range events {
		if err := store.Publish(b.Context(), sinktest.Event("call", "a", i/2)); err != nil {
			b.Fatal(err)
		}
	}
	_ = store.Close()
	b.ReportAllocs()
	for b.Loop() {
		handler.Events().ServeHTTP(&patient{httptest.NewRecorder()}, request)
	}
}
