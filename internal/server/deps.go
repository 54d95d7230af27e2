package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/sink"
)

// Deps is what the server serves. A nil field leaves its routes out: they answer
// 404. The handlers and methods may be called from any goroutine.
type Deps struct {
	// Calls are the live calls.
	Calls Calls
	// Pulls are the media that this program fetches.
	Pulls Pulls
	// WHIP serves /whip/{session}/{participant}, with /{secret} behind for what a
	// client has begun. It answers OPTIONS itself.
	WHIP http.Handler
	// Events serves /v1/sessions/{session}/events. It sets deadlines for what it
	// writes, and ends when the request's context does.
	Events http.Handler
	// Pages serves GET for every path that is no other route.
	Pages http.Handler
	// Metrics serves /metrics.
	Metrics http.Handler
	// Ready returns why new calls cannot be taken at present; nil if they can.
	Ready func() error
}

// Calls are the live calls of this process. Errors wrap ingest.ErrID,
// ErrPurpose, ErrFull, ErrTranscript, calls.ErrUnknown, ErrNoConsent, ErrEnded.
type Calls interface {
	SetConsent(session, participant string, consent sink.Modes[bool], purpose ingest.Purpose) (sink.Status, error)
	Revoke(session, participant string) error
	Transcribe(ctx context.Context, session, participant, contentType string, message []byte) (int, error)
	Erase(session, participant string) error
	Sessions() []calls.SessionState
	Session(id string) (calls.SessionState, bool)
}

// ErrPull says that media cannot be fetched as it was asked for.
var ErrPull = errors.New("the source is refused")

// Pulls fetch media from other servers by WHEP.
type Pulls interface {
	// Pull begins to fetch; it does not wait for the first media. The error wraps
	// ErrPull where the same participant is fetched already, or one of those of
	// Calls.
	Pull(p Pull) (PullState, error)
	// Pulls lists what is fetched, in an order that stays.
	Pulls() []PullState
	// Stop ends one; the error wraps calls.ErrUnknown.
	Stop(id string) error
}

// Pull is a participant whose media is fetched.
type Pull struct {
	// URL is the WHEP endpoint, http or https.
	URL string
	// Token is sent to it as a bearer token; empty for none.
	Token                string
	Session, Participant string
	Consent              sink.Modes[bool]
	// Purpose is what the call is analysed for; empty leaves it as it is.
	Purpose ingest.Purpose
}

// PullState is how the fetching goes.
type PullState struct {
	ID          string `json:"id"`
	URL         string `json:"url"`
	Session     string `json:"session"`
	Participant string `json:"participant"`
	// State is connecting, connected, or waiting (to try again).
	State string `json:"state"`
	// Since is when State began.
	Since time.Time `json:"since"`
	// Error is why the last attempt failed; empty while it goes well.
	Error string `json:"error,omitempty"`
}
