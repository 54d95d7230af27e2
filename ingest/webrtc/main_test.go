package webrtc_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/ingest/webrtc"
	"github.com/valence-live/valence/ingest/webrtc/webrtctest"
	"github.com/valence-live/valence/internal/telemetry"
)

// talk is 4 s of a person who talks, with a key frame every second.
const talk = "webrtctest/testdata/talk.webm"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a gateway behind an HTTP server, with a fake of the calls.
type bench struct {
	gateway *webrtc.Gateway
	calls   *seating
	server  *httptest.Server
	client  *http.Client
}

// loopback is a configuration for tests: a free port, and patience for a
// machine that is busy with other things.
func loopback() webrtc.Config {
	cfg := webrtc.Default()
	cfg.UDP = "127.0.0.1:0"
	cfg.Connect, cfg.Lost, cfg.Idle = 2*time.Minute, 2*time.Minute, 5*time.Minute
	return cfg
}

func serve(t *testing.T, cfg webrtc.Config) *bench {
	t.Helper()
	return serveWith(t, cfg, telemetry.Nop())
}

func serveWith(t *testing.T, cfg webrtc.Config, set telemetry.Settings) *bench {
	t.Helper()
	if os.Getenv("VALENCE_TEST_LOG") != "" {
		set.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	b := &bench{calls: newSeating()}
	gateway, err := webrtc.New(cfg, b.calls, set)
	require.NoError(t, err)
	require.NoError(t, gateway.Start(t.Context()))
	b.gateway = gateway
	mux := http.NewServeMux()
	mux.Handle("/whip/{session}/{participant}", gateway.WHIP())
	mux.Handle("/whip/{session}/{participant}/{secret}", gateway.WHIP())
	b.server = httptest.NewServer(mux)
	b.client = b.server.Client()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, gateway.Shutdown(ctx))
		b.client.CloseIdleConnections()
		b.server.Close()
	})
	return b
}

// publish publishes as a participant, and waits for the connection.
func (b *bench) publish(t *testing.T, who string, o webrtctest.Options) *webrtctest.Publisher {
	t.Helper()
	o.URL, o.Client = b.server.URL+"/whip/"+who, b.client
	p, err := webrtctest.Publish(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	within(t, p.Connected(), "the connection")
	return p
}

func within(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		require.FailNow(t, "waited in vain for "+what)
	}
}

func eventually(t *testing.T, so func() bool, what string) {
	t.Helper()
	require.Eventually(t, so, 2*time.Minute, 5*time.Millisecond, what)
}
