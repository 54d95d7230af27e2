package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/problem"
)

// FuzzPaths asks for anything by anybody: nothing is done without a token that
// allows it, and every refusal is a problem.
func FuzzPaths(f *testing.F) {
	f.Add("GET", "/v1/sessions/call", reader)
	f.Add("DELETE", "/v1/sessions/call/participants/%2e%2e", admin)
	f.Add("POST", "/whip/%2f/..//alice?access_token=x", "")
	f.Add("OPTIONS", "*", "")
	cfg := guarded()
	cfg.PostRate = 0
	f.Fuzz(func(t *testing.T, method, path, token string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || u.Host != "" || strings.ContainsAny(method, " \t\r\n") {
			t.Skip()
		}
		wd := &world{}
		s := open(t, cfg, wd)
		r := ask{method: "GET", path: "/", token: token}.request()
		r.Method, r.URL, r.RequestURI = method, u, path
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		known := token == publisher || token == reader || token == admin || token == alice || token == callAdmin || token == callRead || token == aliceRead
		for _, line := range wd.log {
			open := strings.HasPrefix(line, "pages ") || strings.HasPrefix(line, "whip OPTIONS ")
			require.True(t, open || known || strings.Contains(path, "-0123456789"), line)
		}
		if w.Code >= http.StatusBadRequest && method != http.MethodHead {
			require.Equal(t, problem.ContentType, w.Header().Get("Content-Type"), "%s %s: %d", method, path, w.Code)
		}
		require.Less(t, w.Code, http.StatusInternalServerError)
	})
}

// FuzzBodies sends anything as consent, transcript and source.
func FuzzBodies(f *testing.F) {
	f.Add(uint8(0), anyConsent)
	f.Add(uint8(1), segment)
	f.Add(uint8(2), newPull)
	f.Add(uint8(0), `{"text":true,"text":false}`)
	cfg := guarded()
	cfg.PostRate = 0
	f.Fuzz(func(t *testing.T, kind uint8, body string) {
		wd := &world{}
		s := open(t, cfg, wd)
		a := []ask{
			{method: "PUT", path: ann + "/consent", token: alice},
			{method: "POST", path: ann + "/transcript", token: alice},
			{method: "POST", path: "/v1/pulls", token: callAdmin},
		}[kind%3]
		a.body, a.header = body, map[string]string{"Content-Type": "application/json"}
		w := do(t, s, a)
		require.Equal(t, w.Code < http.StatusBadRequest, len(wd.log) == 1, "%d %v", w.Code, wd.log)
		require.Less(t, w.Code, http.StatusInternalServerError)
		if kind%3 == 2 && w.Code == http.StatusCreated {
			require.Contains(t, wd.pulls[0].Session, "call")
		}
	})
}
