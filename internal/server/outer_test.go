package server_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/valence-live/valence/internal/server"
)

func TestWithoutTokensOtherNamesAreRefused(t *testing.T) {
	s := open(t, server.Default(), &world{})
	for host, ok := range map[string]bool{
		"127.0.0.1:8080": true, "localhost:8080": true, "LOCALHOST": true, "localhost.": true, "[::1]:8080": true, "[::1]": true, "valence.localhost:1": true, "127.9.9.9": true,
		"evil.example:8080": false, "localhost.evil.example": false, "192.168.0.1:8080": false, "[fe80::1]:80": false, "127.0.0.1.evil.example": false, "xlocalhost": false,
	} {
		for _, path := range []string{"/", "/v1/sessions", "/livez"} {
			w := do(t, s, ask{method: "GET", path: path, header: map[string]string{"Host": host}})
			assert.Equal(t, ok, w.Code == http.StatusOK, "%s %s", host, path)
			assert.Equal(t, !ok, w.Code == http.StatusMisdirectedRequest, "%s %s", host, path)
		}
	}
	w := do(t, open(t, guarded(), &world{}), ask{method: "GET", path: "/v1/sessions", token: reader, header: map[string]string{"Host": "valence.example"}})
	assert.Equal(t, http.StatusOK, w.Code, "with tokens the name does not matter")
}

func TestPagesOfOtherSitesMayUseTheServerIfTheyAreListed(t *testing.T) {
	cfg := guarded()
	cfg.CORSOrigins = []string{"https://app.example.com"}
	s := open(t, cfg, &world{})
	preflight := func(origin, path string) http.Header {
		w := do(t, s, ask{method: "OPTIONS", path: path, header: map[string]string{"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, valence-consent"}})
		assert.Less(t, w.Code, 300)
		return w.Header()
	}
	for _, path := range []string{"/whip/call/alice", "/v1/sessions", ann + "/consent"} {
		h := preflight("https://app.example.com", path)
		assert.Equal(t, "https://app.example.com", h.Get("Access-Control-Allow-Origin"))
		for _, name := range []string{"Authorization", "Content-Type", "If-Match", "Last-Event-ID", "Valence-Consent", "Valence-Purpose"} {
			assert.Contains(t, h.Get("Access-Control-Allow-Headers"), name)
		}
		for _, name := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			assert.Contains(t, h.Get("Access-Control-Allow-Methods"), name)
		}
		assert.Contains(t, h.Values("Vary"), "Origin")
		assert.Empty(t, h.Get("Access-Control-Allow-Credentials"))

		h = preflight("https://evil.example", path)
		assert.Empty(t, h.Get("Access-Control-Allow-Origin"))
		assert.Contains(t, h.Values("Vary"), "Origin")
	}
	w := do(t, s, ask{method: "POST", path: "/whip/call/alice", token: alice, body: "v=0", header: map[string]string{"Origin": "https://app.example.com"}})
	require.Equal(t, http.StatusCreated, w.Code)
	for _, name := range []string{"Location", "ETag", "Link", "Retry-After"} {
		assert.Contains(t, w.Header().Get("Access-Control-Expose-Headers"), name)
	}
	w = do(t, s, ask{method: "GET", path: "/v1/sessions", header: map[string]string{"Origin": "https://app.example.com"}})
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Equal(t, "https://app.example.com", w.Header().Get("Access-Control-Allow-Origin"), "a page can read its errors")
}

func TestPagesOfOtherSitesChangeNothing(t *testing.T) {
	for name, c := range map[string]struct {
		ask
		status int
	}{
		"own page":            {ask{method: "POST", path: ann + "/transcript", body: segment, header: map[string]string{"Origin": "http://127.0.0.1:8080"}}, 202},
		"own page, over TLS":  {ask{method: "POST", path: ann + "/transcript", body: segment, header: map[string]string{"Origin": "https://127.0.0.1:8080"}}, 202},
		"another":             {ask{method: "POST", path: ann + "/transcript", body: segment, header: map[string]string{"Origin": "https://evil.example"}}, 403},
		"another port":        {ask{method: "DELETE", path: ann, header: map[string]string{"Origin": "http://127.0.0.1:9090"}}, 403},
		"a sandbox":           {ask{method: "PUT", path: ann + "/consent", body: `{}`, header: map[string]string{"Origin": "null"}}, 403},
		"another, reading":    {ask{method: "GET", path: "/v1/sessions", header: map[string]string{"Origin": "https://evil.example"}}, 200},
		"another, WebSocket":  {ask{method: "GET", path: "/v1/sessions/call/events", header: map[string]string{"Origin": "https://evil.example", "Upgrade": "websocket", "Connection": "Upgrade"}}, 403},
		"own page, WebSocket": {ask{method: "GET", path: "/v1/sessions/call/events", header: map[string]string{"Origin": "http://127.0.0.1:8080", "Upgrade": "websocket", "Connection": "Upgrade"}}, 200},
		"no page":             {ask{method: "DELETE", path: ann}, 204},
	} {
		t.Run(name, func(t *testing.T) {
			w := do(t, open(t, server.Default(), &world{}), c.ask)
			assert.Equal(t, c.status, w.Code, w.Body)
			assert.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
		})
	}
}

func TestPagesRunNothingThatIsNotTheirs(t *testing.T) {
	w := do(t, open(t, server.Default(), &world{}), ask{method: "GET", path: "/"})
	assert.Equal(t, "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "+
		"media-src 'self' blob: mediastream:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'", w.Header().Get("Content-Security-Policy"))
	assert.Equal(t, "camera=(self), microphone=(self)", w.Header().Get("Permissions-Policy"))
	cfg := server.Default()
	cfg.FrameAncestors = []string{"https://app.example.com"}
	w = do(t, open(t, cfg, &world{}), ask{method: "GET", path: "/"})
	assert.Contains(t, w.Header().Get("Content-Security-Policy"), "frame-ancestors https://app.example.com")
}

func TestTooManyPostsAreToldToWait(t *testing.T) {
	cfg := guarded()
	cfg.PostRate = 1
	s := open(t, cfg, &world{})
	for range 2 {
		require.Equal(t, http.StatusAccepted, do(t, s, ask{method: "POST", path: ann + "/transcript", token: alice, body: segment}).Code)
	}
	w := do(t, s, ask{method: "POST", path: ann + "/transcript", token: alice, body: segment})
	require.Equal(t, http.StatusTooManyRequests, w.Code)
	assert.Equal(t, "1", w.Header().Get("Retry-After"))
	assert.Equal(t, http.StatusOK, do(t, s, ask{method: "GET", path: "/v1/sessions", token: reader}).Code)
}

func TestAPanicEndsOneRequestAndIsLogged(t *testing.T) {
	var log bytes.Buffer
	set := nop()
	set.Logger = slog.New(slog.NewTextHandler(&log, nil))
	wd := &world{}
	s, err := server.New(guarded(), wd.deps(), set)
	require.NoError(t, err)

	wd.whip = func(http.ResponseWriter, *http.Request) { panic("out of order") }
	for range 3 {
		w := do(t, s, ask{method: "POST", path: "/whip/call/alice", token: alice, body: "v=0"})
		require.Equal(t, http.StatusInternalServerError, w.Code)
		assert.NotContains(t, w.Body.String(), "out of order")
	}
	assert.Equal(t, 1, strings.Count(log.String(), "out of order"), "once a second")
	assert.Contains(t, log.String(), "outer_test.go", "with its place")
	assert.NotContains(t, log.String(), alice)

	wd.whip = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("in the middle")
	}
	assert.PanicsWithError(t, http.ErrAbortHandler.Error(), func() {
		s.Handler().ServeHTTP(httptest.NewRecorder(), ask{method: "POST", path: "/whip/call/alice", token: alice}.request())
	}, "a response that has begun is broken off")
	wd.whip = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	assert.PanicsWithError(t, http.ErrAbortHandler.Error(), func() {
		s.Handler().ServeHTTP(httptest.NewRecorder(), ask{method: "POST", path: "/whip/call/alice", token: alice}.request())
	})
}

func TestRequestsAreLoggedOnlyIfThatIsWanted(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		var log bytes.Buffer
		set := nop()
		set.Logger = slog.New(slog.NewTextHandler(&log, nil))
		cfg := guarded()
		cfg.LogRequests = wanted
		wd := &world{}
		s, err := server.New(cfg, wd.deps(), set)
		require.NoError(t, err)
		do(t, s, ask{method: "GET", path: "/v1/sessions/call?access_token=" + reader})
		do(t, s, ask{method: "GET", path: "/v1/sessions/call", token: "wrong-0123456789"})
		if !wanted {
			assert.Empty(t, log.String())
			continue
		}
		assert.Contains(t, log.String(), `route="GET /v1/sessions/{session}" status=200`)
		assert.Contains(t, log.String(), "status=401")
		assert.NotContains(t, log.String(), "0123456789")
		assert.NotContains(t, log.String(), "/call")
	}
}

func TestRequestsAreCountedByRouteAndClassOfStatus(t *testing.T) {
	metrics := sdkmetric.NewManualReader()
	set := nop()
	set.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(metrics))
	wd := &world{}
	s, err := server.New(guarded(), wd.deps(), set)
	require.NoError(t, err)
	for range 2 {
		do(t, s, ask{method: "GET", path: "/v1/sessions/call", token: reader})
	}
	do(t, s, ask{method: "GET", path: "/v1/sessions/call"})
	do(t, s, ask{method: "GET", path: "/whatever/page"})

	var got metricdata.ResourceMetrics
	require.NoError(t, metrics.Collect(t.Context(), &got))
	sum, ok := got.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64])
	require.True(t, ok)
	assert.Equal(t, "valence.http.requests", got.ScopeMetrics[0].Metrics[0].Name)
	counts := map[string]int64{}
	for _, p := range sum.DataPoints {
		route, _ := p.Attributes.Value("http.route")
		class, _ := p.Attributes.Value("http.response.status_class")
		counts[route.AsString()+" "+class.AsString()] = p.Value
	}
	assert.Equal(t, map[string]int64{"GET /v1/sessions/{session} 2xx": 2, "GET /v1/sessions/{session} 4xx": 1, "/ 2xx": 1}, counts)
}
