package live_test

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/live"
	"github.com/valence-live/valence/sink/memory"
)

func site(t *testing.T) http.Handler {
	t.Helper()
	h, err := live.New(live.Default(), memory.New(memory.Live()), telemetry.Nop())
	require.NoError(t, err)
	return h.Pages()
}

func visit(t *testing.T, pages http.Handler, path, tag string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	if tag != "" {
		request.Header.Set("If-None-Match", tag)
	}
	response := httptest.NewRecorder()
	pages.ServeHTTP(response, request)
	return response
}

// overlayLimit is what the module that others put into their pages may weigh,
// as it is shipped.
const overlayLimit = 15_000

func TestTheOverlayIsSmallAndForEveryPage(t *testing.T) {
	r := visit(t, site(t), "/overlay.js", "")
	require.Equal(t, http.StatusOK, r.Code)
	assert.Less(t, r.Body.Len(), overlayLimit)
	assert.Equal(t, "text/javascript; charset=utf-8", r.Header().Get("Content-Type"))
	assert.Equal(t, "*", r.Header().Get("Access-Control-Allow-Origin"))
	assert.NotContains(t, r.Body.String(), "\nimport ", "it depends on nothing")
	assert.Equal(t, http.StatusOK, visit(t, site(t), "/overlay.d.ts", "").Code)
}

func TestThePagesNeedNothingFromElsewhere(t *testing.T) {
	pages := site(t)
	link := regexp.MustCompile(`(?:href|src)="([^"#?$]*)"|(?:import|from) "(\.[^"]*)"`)
	seen := map[string]bool{}
	var follow func(path string)
	follow = func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		r := visit(t, pages, path, "")
		require.Equal(t, http.StatusOK, r.Code, path)
		body := r.Body.String()
		for _, found := range regexp.MustCompile(`https?://[\w.]+`).FindAllString(body, -1) {
			assert.Contains(t, []string{"http://www.w3.org", "https://valence.example.com"}, found, path)
		}
		if strings.HasPrefix(r.Header().Get("Content-Type"), "text/html") {
			assert.Contains(t, r.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self';")
			assert.NotContains(t, r.Header().Get("Content-Security-Policy"), "unsafe")
			assert.NotRegexp(t, `<style| style=| on\w+=|<script[^>]*>[^<]`, body, "the policy forbids what is inline")
			assert.Empty(t, r.Header().Get("Access-Control-Allow-Origin"))
		}
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			to := strings.TrimPrefix(m[1]+m[2], "./")
			if !strings.HasSuffix(to, ".d.ts") {
				follow("/" + to)
			}
		}
	}
	follow("/")
	for _, path := range []string{"/dashboard", "/style.css", "/overlay.js", "/whip.js", "/words.js", "/clock.js", "/timeline.js", "/icon.svg"} {
		assert.True(t, seen[path], path)
	}
}

func TestAPageIsSentAgainOnlyWhenItChanged(t *testing.T) {
	pages := site(t)
	first := visit(t, pages, "/", "")
	again := visit(t, pages, "/", first.Header().Get("ETag"))
	assert.Equal(t, http.StatusNotModified, again.Code)
	assert.Empty(t, again.Body.String())
	missing := visit(t, pages, "/index.htm", "")
	assert.Equal(t, http.StatusNotFound, missing.Code)
	assert.Equal(t, "application/problem+json", missing.Header().Get("Content-Type"))
}

func TestTheScripts(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not here: the scripts of the pages are not tested")
	}
	out, err := exec.CommandContext(t.Context(), node, "--test", "testdata/").CombinedOutput()
	assert.NoError(t, err, "%s", out)
}
