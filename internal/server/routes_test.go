package server_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/server"
)

const (
	ann        = "/v1/sessions/call/participants/alice"
	segment    = `{"id":"s1","start_ms":0,"end_ms":1000,"text":"hi"}`
	newPull    = `{"url":"https://sfu.example/whep/1","token":"t","session":"call","participant":"carol","consent":{"audio":true},"purpose":"general"}`
	anyConsent = `{"text":true,"audio":true,"purpose":"education"}`
)

// TestEveryRouteAnswersAsItIsDescribed is the table of the interface: who asks
// what, and what comes of it. The responses are held against the OpenAPI
// document by do.
func TestEveryRouteAnswersAsItIsDescribed(t *testing.T) {
	for name, c := range map[string]struct {
		ask
		status int
		says   string // in the body
		done   string // what the stages behind were told; "" for nothing
	}{
		"publish":                     {ask{method: "POST", path: "/whip/call/alice", token: publisher, body: "v=0"}, 201, "v=0", "whip POST /whip/call/alice"},
		"publish as oneself":          {ask{method: "POST", path: "/whip/call/alice", token: alice, body: "v=0"}, 201, "v=0", "whip POST /whip/call/alice"},
		"publish as another":          {ask{method: "POST", path: "/whip/call/bob", token: alice, body: "v=0"}, 403, `it is for the participant \"alice\" of the session \"call\" alone`, ""},
		"publish by a reader":         {ask{method: "POST", path: "/whip/call/alice", token: reader, body: "v=0"}, 403, "it lacks the scope publish", ""},
		"publish without a token":     {ask{method: "POST", path: "/whip/call/alice", body: "v=0"}, 401, "a token is needed", ""},
		"publish, unusable id":        {ask{method: "POST", path: "/whip/a%2Fb/alice", token: publisher}, 400, "has a '/' or a control character", ""},
		"publish, token in the query": {ask{method: "POST", path: "/whip/call/alice?x=1&access_token=" + publisher, body: "v=0"}, 201, "v=0", "whip POST /whip/call/alice?x=1"},
		"two tokens":                  {ask{method: "POST", path: "/whip/call/alice?access_token=" + publisher, token: publisher, body: "v=0"}, 400, "more than one token", ""},
		"WHIP options":                {ask{method: "OPTIONS", path: "/whip/call/alice"}, 200, "", "whip OPTIONS /whip/call/alice"},
		"WHIP get":                    {ask{method: "GET", path: "/whip/call/alice", token: publisher}, 204, "", "whip GET /whip/call/alice"},
		"WHIP put":                    {ask{method: "PUT", path: "/whip/call/alice", token: publisher}, 405, "GET, HEAD, OPTIONS, POST are", ""},
		"trickle":                     {ask{method: "PATCH", path: "/whip/call/alice/x", token: publisher}, 204, "", "whip PATCH /whip/call/alice/x"},
		"trickle without a token":     {ask{method: "PATCH", path: "/whip/call/alice/x"}, 401, "", ""},
		"unpublish":                   {ask{method: "DELETE", path: "/whip/call/alice/x", token: publisher}, 200, "", "whip DELETE /whip/call/alice/x"},
		"resource options":            {ask{method: "OPTIONS", path: "/whip/call/alice/x"}, 200, "", "whip OPTIONS /whip/call/alice/x"},
		"below WHIP":                  {ask{method: "POST", path: "/whip/call", token: publisher}, 404, "there is nothing at", ""},

		"sessions":                {ask{method: "GET", path: "/v1/sessions", token: reader}, 200, `"session":"other"`, ""},
		"sessions by a publisher": {ask{method: "GET", path: "/v1/sessions", token: publisher}, 403, "it lacks the scope read", ""},
		"sessions by an unknown":  {ask{method: "GET", path: "/v1/sessions", token: "nobody-0123456789"}, 401, "not accepted: it is not known here", ""},
		"sessions posted":         {ask{method: "POST", path: "/v1/sessions", token: reader}, 405, "GET, HEAD, OPTIONS are", ""},
		"sessions options":        {ask{method: "OPTIONS", path: "/v1/sessions"}, 204, "", ""},
		"sessions head":           {ask{method: "HEAD", path: "/v1/sessions", token: reader}, 200, "", ""},
		"session":                 {ask{method: "GET", path: "/v1/sessions/call", token: reader}, 200, `"participant":"bob"`, ""},
		"session of nobody":       {ask{method: "GET", path: "/v1/sessions/nobody", token: reader}, 404, `session \"nobody\" is not known here`, ""},
		"session of another call": {ask{method: "GET", path: "/v1/sessions/other", token: callRead}, 403, `it is for the session \"call\" alone`, ""},
		"session with a bad id":   {ask{method: "GET", path: "/v1/sessions/" + strings.Repeat("a", 129), token: reader}, 400, "at most 128 are allowed", ""},
		"events":                  {ask{method: "GET", path: "/v1/sessions/call/events?last_event_id=x", token: reader}, 200, "events", "events GET /v1/sessions/call/events?last_event_id=x"},
		"events, query":           {ask{method: "GET", path: "/v1/sessions/call/events?access_token=" + reader}, 200, "events", "events GET /v1/sessions/call/events"},
		"events of all for one":   {ask{method: "GET", path: "/v1/sessions/call/events", token: aliceRead}, 403, "alice", ""},
		"events of oneself":       {ask{method: "GET", path: "/v1/sessions/call/events?participant=alice", token: aliceRead}, 200, "events", "events GET /v1/sessions/call/events?participant=alice"},
		"events without a token":  {ask{method: "GET", path: "/v1/sessions/call/events"}, 401, "", ""},
		"events of a bad id":      {ask{method: "GET", path: "/v1/sessions/%00/events", token: reader}, 400, "control character", ""},
		"an unknown path":         {ask{method: "GET", path: "/v1/nothing", token: reader}, 404, "/openapi.yaml says what there is", ""},

		"erase":                    {ask{method: "DELETE", path: ann, token: admin}, 204, "", "erase call alice"},
		"erase oneself":            {ask{method: "DELETE", path: ann, token: alice}, 204, "", "erase call alice"},
		"erase another":            {ask{method: "DELETE", path: "/v1/sessions/call/participants/bob", token: alice}, 403, "it lacks the scope admin", ""},
		"erase oneself by reading": {ask{method: "DELETE", path: ann, token: aliceRead}, 403, "it lacks the scope admin", ""},
		"erase by any publisher":   {ask{method: "DELETE", path: ann, token: publisher}, 403, "it lacks the scope admin", ""},
		"erase in one's call":      {ask{method: "DELETE", path: ann, token: callAdmin}, 204, "", "erase call alice"},
		"erase in another call":    {ask{method: "DELETE", path: "/v1/sessions/other/participants/bob", token: callAdmin}, 403, "alone", ""},
		"erase without a token":    {ask{method: "DELETE", path: ann}, 401, "", ""},
		"erase by put":             {ask{method: "PUT", path: ann, token: admin}, 405, "DELETE, OPTIONS are", ""},

		"consent":                      {ask{method: "GET", path: ann + "/consent", token: alice}, 200, `"consent":{"text":true,"audio":false,"video":false}`, ""},
		"consent of nobody":            {ask{method: "GET", path: "/v1/sessions/call/participants/nobody/consent", token: publisher}, 404, "nobody", ""},
		"consent in no call":           {ask{method: "GET", path: "/v1/sessions/none/participants/nobody/consent", token: publisher}, 404, "none", ""},
		"agree":                        {ask{method: "PUT", path: ann + "/consent", token: alice, body: anyConsent}, 200, `"participant":"alice"`, `agree call alice {true true false} "education"`},
		"agree to nothing":             {ask{method: "PUT", path: ann + "/consent", token: alice, body: `{}`}, 200, "", `agree call alice {false false false} ""`},
		"agree by admin":               {ask{method: "PUT", path: ann + "/consent", token: admin, body: `{"video":true,"text":false}`}, 200, "", `agree call alice {false false true} ""`},
		"agree by a reader":            {ask{method: "PUT", path: ann + "/consent", token: reader, body: anyConsent}, 403, "scope publish", ""},
		"agree to what is unknown":     {ask{method: "PUT", path: ann + "/consent", token: alice, body: `{"vidio":true}`}, 400, `unknown field \"vidio\"; there are text, audio, video, purpose`, ""},
		"agree in capitals":            {ask{method: "PUT", path: ann + "/consent", token: alice, body: `{"VIDEO":true}`}, 400, "unknown field", ""},
		"agree twice":                  {ask{method: "PUT", path: ann + "/consent", token: alice, body: `{"video":false,"video":true}`}, 400, "comes twice", ""},
		"agree in words":               {ask{method: "PUT", path: ann + "/consent", token: alice, body: `{"video":"true"}`}, 400, "must be true or false", ""},
		"agree to null":                {ask{method: "PUT", path: ann + "/consent", token: alice, body: `{"video":null}`}, 400, "must be true or false", ""},
		"agree by a list":              {ask{method: "PUT", path: ann + "/consent", token: alice, body: `["video"]`}, 400, "no JSON object", ""},
		"agree and more":               {ask{method: "PUT", path: ann + "/consent", token: alice, body: `{}{"video":true}`}, 400, "goes on behind", ""},
		"agree in part":                {ask{method: "PUT", path: ann + "/consent", token: alice, body: `{"video":true`}, 400, "no JSON", ""},
		"agree for an unknown purpose": {ask{method: "PUT", path: ann + "/consent", token: alice, body: `{"purpose":"fun"}`}, 400, "purpose", ""},
		"agree for no purpose":         {ask{method: "PUT", path: ann + "/consent", token: alice, body: `{"purpose":null}`}, 400, "must be a text", ""},
		"agree in a form":              {ask{method: "PUT", path: ann + "/consent", token: alice, body: "video=true", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}, 415, "application/json", ""},
		"agree at length":              {ask{method: "PUT", path: ann + "/consent", token: alice, body: strings.Repeat(" ", 256<<10) + "{}"}, 413, "larger than 262144 bytes", ""},
		"revoke":                       {ask{method: "DELETE", path: ann + "/consent", token: alice}, 204, "", "revoke call alice"},
		"revoke another's":             {ask{method: "DELETE", path: "/v1/sessions/call/participants/bob/consent", token: alice}, 403, "", ""},
		"consent patched":              {ask{method: "PATCH", path: ann + "/consent", token: alice}, 405, "DELETE, GET, HEAD, OPTIONS, PUT are", ""},

		"transcript":              {ask{method: "POST", path: ann + "/transcript", token: alice, body: segment}, 202, `{"accepted":1}`, "transcribe call alice 1"},
		"transcript list":         {ask{method: "POST", path: ann + "/transcript", token: alice, body: "[" + segment + "," + segment + "]"}, 202, `{"accepted":2}`, "transcribe call alice 2"},
		"transcript in WebVTT":    {ask{method: "POST", path: ann + "/transcript", token: alice, body: "WEBVTT\n\n00:00.000 --> 00:01.000\nhi", header: map[string]string{"Content-Type": "text/vtt; charset=utf-8"}}, 202, `{"accepted":1}`, "transcribe call alice 1"},
		"transcript as text":      {ask{method: "POST", path: ann + "/transcript", token: alice, body: "hi", header: map[string]string{"Content-Type": "text/plain"}}, 415, "application/json or text/vtt", ""},
		"transcript of no type":   {ask{method: "POST", path: ann + "/transcript", token: alice, body: "hi", header: map[string]string{"Content-Type": ""}}, 415, "application/json or text/vtt", ""},
		"transcript that is none": {ask{method: "POST", path: ann + "/transcript", token: alice, body: `[{"text":"x"}]`}, 400, "segment 1: no times", ""},
		"transcript at length":    {ask{method: "POST", path: ann + "/transcript", token: alice, body: strings.Repeat(" ", 300<<10)}, 413, "larger than", ""},
		"transcript got":          {ask{method: "GET", path: ann + "/transcript", token: alice}, 405, "OPTIONS, POST are", ""},

		"pulls":                   {ask{method: "GET", path: "/v1/pulls", token: admin}, 200, "[]", ""},
		"pulls by a reader":       {ask{method: "GET", path: "/v1/pulls", token: reader}, 403, "scope admin", ""},
		"pull":                    {ask{method: "POST", path: "/v1/pulls", token: admin, body: newPull}, 201, `"state":"connecting"`, "pull {https://sfu.example/whep/1 t call carol {false true false} general}"},
		"pull into one's call":    {ask{method: "POST", path: "/v1/pulls", token: callAdmin, body: newPull}, 201, "", "pull {https://sfu.example/whep/1 t call carol {false true false} general}"},
		"pull into another call":  {ask{method: "POST", path: "/v1/pulls", token: callAdmin, body: strings.Replace(newPull, `"call"`, `"other"`, 1)}, 403, "alone", ""},
		"pull from a file":        {ask{method: "POST", path: "/v1/pulls", token: admin, body: `{"url":"file:///etc/passwd","session":"a","participant":"b"}`}, 400, "http or https", ""},
		"pull with a password":    {ask{method: "POST", path: "/v1/pulls", token: admin, body: `{"url":"http://a:b@c/","session":"a","participant":"b"}`}, 400, "name or password", ""},
		"pull from afar":          {ask{method: "POST", path: "/v1/pulls", token: admin, body: `{"url":"http://c/` + strings.Repeat("a", 2048) + `","session":"a","participant":"b"}`}, 400, "at most 2048", ""},
		"pull nobody":             {ask{method: "POST", path: "/v1/pulls", token: admin, body: `{"url":"http://c/"}`}, 400, "the session id is empty", ""},
		"pull what is unknown":    {ask{method: "POST", path: "/v1/pulls", token: admin, body: `{"uri":"http://c/"}`}, 400, "unknown field", ""},
		"pull a number":           {ask{method: "POST", path: "/v1/pulls", token: admin, body: `{"url":5}`}, 400, "must be a text", ""},
		"pull with odd consent":   {ask{method: "POST", path: "/v1/pulls", token: admin, body: `{"url":"http://c/","session":"a","participant":"b","consent":["audio"]}`}, 400, "consent", ""},
		"pull for an odd purpose": {ask{method: "POST", path: "/v1/pulls", token: admin, body: `{"url":"http://c/","session":"a","participant":"b","purpose":"x"}`}, 400, "purpose", ""},
		"pull in a form":          {ask{method: "POST", path: "/v1/pulls", token: admin, header: map[string]string{"Content-Type": "text/plain"}}, 415, "", ""},
		"a pull of nobody":        {ask{method: "GET", path: "/v1/pulls/x", token: admin}, 404, "not known", ""},
		"stop a pull of nobody":   {ask{method: "DELETE", path: "/v1/pulls/x", token: admin}, 404, "not known", ""},

		"livez":                   {ask{method: "GET", path: "/livez"}, 200, "ok\n", ""},
		"readyz":                  {ask{method: "GET", path: "/readyz"}, 200, "ok\n", ""},
		"livez posted":            {ask{method: "POST", path: "/livez"}, 405, "", ""},
		"metrics":                 {ask{method: "GET", path: "/metrics", token: reader}, 200, "metrics", "metrics GET /metrics"},
		"metrics for one call":    {ask{method: "GET", path: "/metrics", token: callRead}, 403, "", ""},
		"metrics without a token": {ask{method: "GET", path: "/metrics"}, 401, "", ""},
		"the document":            {ask{method: "GET", path: "/openapi.yaml"}, 200, "openapi: 3.0.3", ""},
		"a page":                  {ask{method: "GET", path: "/"}, 200, "pages", "pages GET /"},
		"a page with a token":     {ask{method: "GET", path: "/dashboard", token: "nobody"}, 200, "pages", "pages GET /dashboard"},
		"a page posted":           {ask{method: "POST", path: "/dashboard"}, 405, "GET, HEAD, OPTIONS are", ""},
	} {
		t.Run(name, func(t *testing.T) {
			wd := &world{}
			w := do(t, open(t, guarded(), wd), c.ask)
			require.Equal(t, c.status, w.Code, w.Body)
			assert.Contains(t, w.Body.String(), c.says)
			assert.Equal(t, c.done, strings.Join(wd.log, "; "))
			assert.NotContains(t, w.Body.String(), "-0123456789")
			if c.status == http.StatusUnauthorized {
				assert.Contains(t, w.Header().Get("WWW-Authenticate"), `Bearer realm="valence"`)
			}
			if c.status == http.StatusMethodNotAllowed {
				assert.NotEmpty(t, w.Header().Get("Allow"))
			}
		})
	}
}

func TestErrorsOfTheStagesBehindHaveTheirStatus(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		says   string
	}{
		"id":         {ingest.ErrID, 400, "unusable id"},
		"transcript": {ingest.ErrTranscript, 400, "unusable transcript"},
		"consent":    {calls.ErrNoConsent, 403, "no consent"},
		"unknown":    {calls.ErrUnknown, 404, "not known here"},
		"ended":      {calls.ErrEnded, 409, "has ended"},
		"purpose":    {ingest.ErrPurpose, 409, "purpose"},
		"full":       {ingest.ErrFull, 503, "no room"},
		"another":    {errors.New("/secret/path"), 500, "its log says more"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, guarded(), &world{err: c.err})
			w := do(t, s, ask{method: "POST", path: ann + "/transcript", token: alice, body: segment})
			require.Equal(t, c.status, w.Code)
			assert.Contains(t, w.Body.String(), c.says)
			assert.NotContains(t, w.Body.String(), "/secret/path")
			assert.Equal(t, c.status == 503, w.Header().Get("Retry-After") != "")
		})
	}
	s := open(t, guarded(), &world{err: server.ErrPull})
	assert.Equal(t, http.StatusConflict, do(t, s, ask{method: "POST", path: "/v1/pulls", token: admin, body: newPull}).Code)
	s = open(t, guarded(), &world{err: ingest.ErrFull})
	assert.Equal(t, http.StatusServiceUnavailable, do(t, s, ask{method: "PUT", path: ann + "/consent", token: alice, body: `{}`}).Code)
	s = open(t, guarded(), &world{err: calls.ErrUnknown})
	assert.Equal(t, http.StatusNotFound, do(t, s, ask{method: "DELETE", path: ann + "/consent", token: alice}).Code)
	assert.Equal(t, http.StatusNotFound, do(t, s, ask{method: "DELETE", path: ann, token: alice}).Code)
}

func TestATokenForOnePersonSeesThatPersonAlone(t *testing.T) {
	s := open(t, guarded(), &world{})
	for token, c := range map[string]struct{ bob, other bool }{reader: {true, true}, callRead: {true, false}, aliceRead: {false, false}} {
		all := do(t, s, ask{method: "GET", path: "/v1/sessions", token: token}).Body.String()
		assert.Contains(t, all, `"participant":"alice"`)
		assert.Equal(t, c.bob, strings.Contains(all, "bob"), token)
		assert.Equal(t, c.other, strings.Contains(all, "other"), token)
		one := do(t, s, ask{method: "GET", path: "/v1/sessions/call", token: token}).Body.String()
		assert.Equal(t, c.bob, strings.Contains(one, "bob"), token)
	}
}

func TestASourceCanBeSeenAndStopped(t *testing.T) {
	wd := &world{}
	s := open(t, guarded(), wd)
	made := do(t, s, ask{method: "POST", path: "/v1/pulls", token: admin, body: newPull})
	require.Equal(t, "/v1/pulls/p0", made.Header().Get("Location"))
	do(t, s, ask{method: "POST", path: "/v1/pulls", token: admin, body: strings.Replace(newPull, `"call"`, `"other"`, 1)})
	assert.NotContains(t, made.Body.String(), `"token"`)

	assert.Contains(t, do(t, s, ask{method: "GET", path: "/v1/pulls", token: admin}).Body.String(), "other")
	assert.NotContains(t, do(t, s, ask{method: "GET", path: "/v1/pulls", token: callAdmin}).Body.String(), "other")
	assert.JSONEq(t, made.Body.String(), do(t, s, ask{method: "GET", path: "/v1/pulls/p0", token: callAdmin}).Body.String())
	assert.Equal(t, http.StatusNotFound, do(t, s, ask{method: "GET", path: "/v1/pulls/p1", token: callAdmin}).Code)
	assert.Equal(t, http.StatusNotFound, do(t, s, ask{method: "DELETE", path: "/v1/pulls/p1", token: callAdmin}).Code)
	assert.Equal(t, http.StatusNoContent, do(t, s, ask{method: "DELETE", path: "/v1/pulls/p1", token: admin}).Code)
	assert.Equal(t, "stop p1", wd.log[len(wd.log)-1])
	wd.err = errors.New("broken")
	assert.Equal(t, http.StatusInternalServerError, do(t, s, ask{method: "DELETE", path: "/v1/pulls/p1", token: admin}).Code)
}

func TestAClientWithItsTokenInTheQueryCanEndWhatItBegan(t *testing.T) {
	s := open(t, guarded(), &world{})
	in := do(t, s, ask{method: "POST", path: "/whip/call/alice?access_token=" + alice, body: "v=0"})
	require.Equal(t, "/whip/call/alice/s3cr3t?access_token="+alice, in.Header().Get("Location"))
	assert.Equal(t, http.StatusOK, do(t, s, ask{method: "DELETE", path: in.Header().Get("Location")}).Code)

	in = do(t, s, ask{method: "POST", path: "/whip/call/alice", token: alice, body: "v=0"})
	assert.Equal(t, "/whip/call/alice/s3cr3t", in.Header().Get("Location"))
}

func TestWhatIsNotThereIsNotServed(t *testing.T) {
	s, err := server.New(guarded(), server.Deps{}, nop())
	require.NoError(t, err)
	for _, path := range []string{"/whip/call/alice", "/v1/sessions", "/v1/pulls", "/metrics", "/", ann} {
		assert.Equal(t, http.StatusNotFound, do(t, s, ask{method: "GET", path: path, token: admin}).Code, path)
	}
	assert.Equal(t, http.StatusOK, do(t, s, ask{method: "GET", path: "/readyz"}).Code)
}

func TestNobodyIsConnectedToElsewhere(t *testing.T) {
	r := ask{method: "GET", path: "/", token: admin}.request()
	r.Method, r.URL, r.RequestURI = http.MethodConnect, &url.URL{Host: "127.0.0.1:22"}, "127.0.0.1:22"
	w := httptest.NewRecorder()
	open(t, guarded(), &world{}).Handler().ServeHTTP(w, r)
	assert.Equal(t, http.StatusNotFound, w.Code)
	assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
}

func TestReadinessIsToldAndItsReasonIsNot(t *testing.T) {
	wd := &world{ready: errors.New("the sink is gone")}
	s := open(t, guarded(), wd)
	w := do(t, s, ask{method: "GET", path: "/readyz"})
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotContains(t, w.Body.String(), "sink")
	assert.Equal(t, http.StatusOK, do(t, s, ask{method: "GET", path: "/livez"}).Code)
	wd.ready = nil
	assert.Equal(t, http.StatusOK, do(t, s, ask{method: "GET", path: "/readyz"}).Code)
}
