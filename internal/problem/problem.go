// Package problem writes the errors of the HTTP interface as RFC 9457 says.
package problem

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// ContentType is the media type of a problem (RFC 9457, section 3).
const ContentType = "application/problem+json"

// Details is one problem. Its type is about:blank and therefore left out: the
// status says what kind of problem it is (RFC 9457, section 4.2.1).
type Details struct {
	// Title is the same for every problem of its kind; empty takes the words of
	// the status.
	Title string `json:"title"`
	// Status is the status of the response.
	Status int `json:"status"`
	// Detail says what is wrong with this request, and what to do; may be empty.
	// It holds nothing that the client did not send or may not know.
	Detail string `json:"detail,omitempty"`
}

// Write answers a request with a problem. Headers that the caller has set stay;
// what belonged to another body goes.
func Write(w http.ResponseWriter, status int, title, detail string) {
	if title == "" {
		title = http.StatusText(status)
	}
	body, err := json.Marshal(Details{Title: title, Status: status, Detail: detail})
	if err != nil { // strings and a number always marshal
		body = []byte(`{"status":` + strconv.Itoa(status) + `}`)
	}
	h := w.Header()
	for _, name := range []string{"Content-Encoding", "ETag", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone: nobody is left to tell
}
