package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/api"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/transcript"
	"github.com/valence-live/valence/internal/auth"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/problem"
	"github.com/valence-live/valence/internal/server"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The tokens of the tests.
const (
	publisher = "publisher-0123456789"
	reader    = "reader-0123456789"
	admin     = "admin-0123456789"
	callAdmin = "call-admin-0123456789"
	callRead  = "call-reader-0123456789"
	alice     = "alice-0123456789"
	aliceRead = "alice-reader-0123456789"
)

func tokens() []auth.Token {
	return []auth.Token{
		{Token: publisher, Scopes: []auth.Scope{auth.Publish}},
		{Token: reader, Scopes: []auth.Scope{auth.Read}},
		{Token: admin, Scopes: []auth.Scope{auth.Admin}},
		{Token: callAdmin, Scopes: []auth.Scope{auth.Admin}, Session: "call"},
		{Token: callRead, Scopes: []auth.Scope{auth.Read}, Session: "call"},
		{Token: alice, Scopes: []auth.Scope{auth.Publish}, Session: "call", Participant: "alice"},
		{Token: aliceRead, Scopes: []auth.Scope{auth.Read}, Session: "call", Participant: "alice"},
	}
}

func guarded() server.Config {
	cfg := server.Default()
	cfg.Tokens = tokens()
	return cfg
}

// world is what the server serves in the tests, and what became of it.
type world struct {
	mu    sync.Mutex
	log   []string
	err   error // of the next calls
	ready error
	pulls []server.PullState
	whip  http.HandlerFunc
}

func (wd *world) note(format string, args ...any) error {
	wd.mu.Lock()
	defer wd.mu.Unlock()
	wd.log = append(wd.log, fmt.Sprintf(format, args...))
	return wd.err
}

func (wd *world) deps() server.Deps {
	serve := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = wd.note("%s %s %s", name, r.Method, r.RequestURI)
			w.Header().Set("Content-Type", map[string]string{"events": "text/event-stream", "pages": "text/html", "metrics": "text/plain; version=0.0.4"}[name])
			_, _ = io.WriteString(w, name)
		})
	}
	return server.Deps{
		Calls: wd, Pulls: sources{wd}, Events: serve("events"), Pages: serve("pages"), Metrics: serve("metrics"),
		Ready: func() error { return wd.ready },
		WHIP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = wd.note("whip %s %s", r.Method, r.RequestURI)
			wd.serveWHIP(w, r)
		}),
	}
}

func (wd *world) serveWHIP(w http.ResponseWriter, r *http.Request) {
	switch {
	case wd.whip != nil:
		wd.whip(w, r)
	case r.Method == http.MethodPost:
		w.Header().Set("Content-Type", "application/sdp")
		w.Header().Set("Location", "/whip/call/alice/s3cr3t")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "v=0")
	case r.Method == http.MethodGet, r.Method == http.MethodHead, r.Method == http.MethodPatch:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Accept-Post", "application/sdp")
	}
}

func status(session, participant string) sink.Status {
	return sink.Status{
		Session: session, Participant: participant, At: time.Unix(1732350012, 0).UTC(), State: sink.NoData, Connected: true,
		Consent: sink.Modes[bool]{Text: true}, Purpose: ingest.General,
		Reasons: &sink.Modes[ingest.Reason]{Audio: ingest.ReasonMuted, Video: ingest.ReasonNoTrack},
	}
}

func event() *sink.Event {
	score, weight := sink.Number(.41), sink.Number(1)
	return &sink.Event{
		ID: "call/alice/sliding/1732350012000", State: "provisional", Session: "call", Participant: "alice",
		Window: sink.Window{Kind: "sliding", Start: time.Unix(1732350004, 0), End: time.Unix(1732350012, 0)},
		Score:  score, Polarity: "positive", Probabilities: sink.Probabilities{Negative: .08, Neutral: .31, Positive: .61},
		Interval: sink.Interval{Level: .9, Low: -.1, High: .86}, Rolling: sink.Rolling{HalfLife: sink.Duration(20 * time.Second)},
		Modalities: sink.Modalities{
			Text:  sink.Modality{Present: true, Coverage: .9, Score: &score, Weight: &weight},
			Audio: sink.Modality{Reason: ingest.ReasonMuted}, Video: sink.Modality{Reason: ingest.ReasonNoTrack},
		},
		Clock: sink.Clock{Source: ingest.ClockRecord}, Model: sink.Model{Name: "m", Version: "1", Contract: "sha256:0"},
	}
}

func states() []calls.SessionState {
	bob := calls.ParticipantState{Status: status("call", "bob"), Drops: map[string]uint64{"shed": 3}}
	return []calls.SessionState{
		{Session: "call", Purpose: ingest.General, Participants: []calls.ParticipantState{
			{Status: status("call", "alice"), Latest: event(), Latency: &calls.Latency{Provisional: &calls.Quantiles{P50: 12, P95: 30}}}, bob,
		}},
		{Session: "other", Purpose: ingest.Workplace},
	}
}

func (wd *world) SetConsent(session, participant string, consent sink.Modes[bool], purpose ingest.Purpose) (sink.Status, error) {
	err := wd.note("agree %s %s %v %q", session, participant, consent, purpose)
	return status(session, participant), err
}

func (wd *world) Revoke(session, participant string) error {
	return wd.note("revoke %s %s", session, participant)
}

func (wd *world) Transcribe(_ context.Context, session, participant, contentType string, message []byte) (int, error) {
	list, err := transcript.ParseLive(contentType, message)
	if err != nil {
		return 0, err
	}
	return len(list), wd.note("transcribe %s %s %d", session, participant, len(list))
}

func (wd *world) Erase(session, participant string) error {
	return wd.note("erase %s %s", session, participant)
}

func (wd *world) Sessions() []calls.SessionState { return states() }

func (wd *world) Session(id string) (calls.SessionState, bool) {
	for _, s := range states() {
		if s.Session == id {
			return s, true
		}
	}
	return calls.SessionState{}, false
}

// sources are the pulls of a world.
type sources struct{ *world }

func (s sources) Pull(p server.Pull) (server.PullState, error) {
	state := server.PullState{ID: fmt.Sprintf("p%d", len(s.pulls)), URL: p.URL, Session: p.Session, Participant: p.Participant, State: "connecting", Since: time.Unix(0, 0)}
	if err := s.note("pull %v", p); err != nil {
		return server.PullState{}, err
	}
	s.pulls = append(s.pulls, state)
	return state, nil
}

func (s sources) Pulls() []server.PullState { return s.pulls }

func (s sources) Stop(id string) error { return s.note("stop %s", id) }

// open makes a server and forgets what it has been told so far.
func open(tb testing.TB, cfg server.Config, wd *world) *server.Server {
	tb.Helper()
	s, err := server.New(cfg, wd.deps(), telemetry.Nop())
	require.NoError(tb, err)
	return s
}

// ask is a request, as a table writes it.
type ask struct {
	method, path, token, body string
	header                    map[string]string
}

func (a ask) request() *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), a.method, a.path, strings.NewReader(a.body))
	r.Host = "127.0.0.1:8080"
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for k, v := range a.header {
		r.Header.Set(k, v)
	}
	if host := a.header["Host"]; host != "" {
		r.Host = host
	}
	return r
}

// do serves a request. Every response must be one that the document describes,
// and have the headers that all have.
func do(tb testing.TB, s *server.Server, a ask) *httptest.ResponseRecorder {
	tb.Helper()
	r, w := a.request(), httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	for _, name := range []string{"Content-Security-Policy", "Permissions-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy"} {
		require.NotEmpty(tb, w.Header().Get(name), name)
	}
	if w.Code >= http.StatusBadRequest && a.method != http.MethodHead {
		require.Equal(tb, problem.ContentType, w.Header().Get("Content-Type"), "%s %s: %s", a.method, a.path, w.Body)
	}
	documented(tb, r, w)
	return w
}

// document is the OpenAPI document.
var document = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(api.OpenAPI()) })

func documented(tb testing.TB, r *http.Request, w *httptest.ResponseRecorder) {
	tb.Helper()
	doc, err := document()
	require.NoError(tb, err)
	method, path, _ := strings.Cut(r.Pattern, " ")
	item := doc.Paths.Value(path)
	if item == nil || r.Method == http.MethodHead {
		return
	}
	operation := item.GetOperation(method)
	require.NotNil(tb, operation, r.Pattern)
	kind, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
	described := operation.Responses.Status(w.Code)
	require.NotNil(tb, described, "%s: %d is not described", r.Pattern, w.Code)
	if len(described.Value.Content) > 0 {
		require.Contains(tb, described.Value.Content, kind, "%s %d", r.Pattern, w.Code)
	} else {
		require.Empty(tb, w.Body.String(), "%s %d", r.Pattern, w.Code)
	}
	require.NoError(tb, openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: r, Route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: operation},
		},
		Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: !strings.Contains(kind, "json")},
	}), "%s %d: %s", r.Pattern, w.Code, w.Body)
}

func nop() telemetry.Settings { return telemetry.Nop() }
