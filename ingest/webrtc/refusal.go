package webrtc

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/problem"
)

// A refusal is a request that is not served: with which status, and why.
type refusal struct {
	status int
	reason string // labels the metric
	detail string // told to the client
	after  time.Duration
	cause  error // logged, not told
}

// Error implements error.
func (r *refusal) Error() string {
	if r.cause != nil {
		return r.detail + ": " + r.cause.Error()
	}
	return r.detail
}

// Unwrap returns the cause.
func (r *refusal) Unwrap() error { return r.cause }

// refuse makes a refusal. The detail is told to the client.
func refuse(status int, reason, format string, args ...any) *refusal {
	return &refusal{status: status, reason: reason, detail: fmt.Sprintf(format, args...)}
}

// later adds when the client may try again.
func (r *refusal) later(after time.Duration) *refusal {
	r.after = after
	return r
}

// because adds what only the log is told.
func (r *refusal) because(cause error) *refusal {
	r.cause = cause
	return r
}

// The times after which a client may try again.
const (
	retrySoon  = 2 * time.Second
	retryLater = 30 * time.Second
)

// asRefusal finds out what a client is told of an error.
func asRefusal(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	switch {
	case errors.Is(err, ingest.ErrID):
		return refuse(http.StatusBadRequest, "id", "%s", err)
	case errors.Is(err, ingest.ErrPurpose):
		return refuse(http.StatusConflict, "purpose", "%s", err)
	case errors.Is(err, ingest.ErrFull):
		return refuse(http.StatusServiceUnavailable, "full", "No more calls or participants are taken at the moment.").later(retryLater)
	default:
		return refuse(http.StatusInternalServerError, "internal", "The connection could not be made.").because(err)
	}
}

// write answers a request with the refusal.
func (r *refusal) write(w http.ResponseWriter) {
	if r.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((r.after+time.Second-1)/time.Second)))
	}
	problem.Write(w, r.status, "", r.detail)
}
