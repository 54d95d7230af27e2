package problem_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/valence-live/valence/internal/problem"
)

func TestAProblemIsOneAsTheStandardSays(t *testing.T) {
	for name, c := range map[string]struct {
		status        int
		title, detail string
		body          string
	}{
		"whole":     {http.StatusForbidden, "Consent is missing", "alice has not agreed to text", `{"title":"Consent is missing","status":403,"detail":"alice has not agreed to text"}`},
		"no title":  {http.StatusNotFound, "", "there is no call x", `{"title":"Not Found","status":404,"detail":"there is no call x"}`},
		"no detail": {http.StatusTeapot, "Tea", "", `{"title":"Tea","status":418}`},
		"markup":    {http.StatusBadRequest, "", `<script>"é` + "\xff", `{"title":"Bad Request","status":400,"detail":"\u003cscript\u003e\"é\ufffd"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			w.Header().Set("ETag", `"of another body"`)
			w.Header().Set("Allow", "GET")
			problem.Write(w, c.status, c.title, c.detail)
			assert.Equal(t, c.status, w.Code)
			assert.JSONEq(t, c.body, w.Body.String())
			assert.Equal(t, http.Header{
				"Allow":                  {"GET"},
				"Cache-Control":          {"no-store"},
				"Content-Length":         w.Header()["Content-Length"],
				"Content-Type":           {"application/problem+json"},
				"X-Content-Type-Options": {"nosniff"},
			}, w.Header())
			assert.Equal(t, w.Header().Get("Content-Length"), w.Result().Header.Get("Content-Length"))
		})
	}
}
