package webrtc_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc"
	"github.com/valence-live/valence/ingest/webrtc/webrtctest"
)

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
)

type request struct {
	contentType, body string
	header            map[string]string
	from              string
}

// ask asks the handler without a network.
func (b *bench) ask(t *testing.T, method, path string, q request) (*httptest.ResponseRecorder, http.Header) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(q.body))
	if q.contentType != "" {
		r.Header.Set("Content-Type", q.contentType)
	}
	for k, v := range q.header {
		r.Header.Set(k, v)
	}
	if q.from != "" {
		r.RemoteAddr = q.from
	}
	w := httptest.NewRecorder()
	b.server.Config.Handler.ServeHTTP(w, r)
	return w, w.Header()
}

// offer is what a publisher would post.
func offer(t *testing.T, o webrtctest.Options) string {
	t.Helper()
	text, err := webrtctest.Offer(t.Context(), o)
	require.NoError(t, err)
	return text
}

func TestAnOfferIsAnswered(t *testing.T) {
	t.Parallel()
	cfg := loopback()
	cfg.ICEServers = []webrtc.ICEServer{{URLs: []string{"stun:127.0.0.1:1"}}}
	cfg.PublicAddresses = []string{"203.0.113.7", "2001:db8::7"}
	b := serve(t, cfg)
	w, h := b.ask(t, http.MethodPost, "/whip/call%201/alice?access_token=x", request{contentType: "Application/SDP; charset=utf-8", body: offer(t, webrtctest.Options{Loop: true, File: talk, Channel: true})})
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	assert.Equal(t, typeSDP, h.Get("Content-Type"))
	assert.Regexp(t, `^/whip/call%201/alice/[A-Z2-7]{26}\?access_token=x$`, h.Get("Location"), "26 letters of base32 are 130 bits")
	assert.Regexp(t, `^"[A-Za-z0-9+/]+"$`, h.Get("ETag"))
	assert.Equal(t, []string{`<stun:127.0.0.1:1>; rel="ice-server"`}, h.Values("Link"))
	answer := w.Body.String()
	assert.Contains(t, answer, "a=recvonly")
	media, _, _ := strings.Cut(answer, "m=application")
	assert.NotContains(t, media, "a=sendrecv")
	assert.Contains(t, answer, "a=setup:passive")
	assert.Contains(t, answer, "a=ice-options:trickle\r\n")
	assert.Contains(t, answer, "127.0.0.1")
	assert.Contains(t, answer, " 203.0.113.7 ")
	assert.Contains(t, answer, "a=end-of-candidates")
	require.NotNil(t, b.calls.guest("call 1/alice"), "ids are decoded once")
}

func TestARefusalHasTheRightStatus(t *testing.T) {
	t.Parallel()
	cfg := loopback()
	cfg.MaxSDP, cfg.MaxCandidates = 20_000, 20
	b := serve(t, cfg)
	good := offer(t, webrtctest.Options{Loop: true, File: talk, Channel: true})
	head, sections, _ := strings.Cut(good, "m=audio")
	_, video, _ := strings.Cut(sections, "m=video")
	video, channel, _ := strings.Cut(video, "m=application")
	video, channel = "m=video"+video, "m=application"+channel
	edit := func(old, replacement string) string {
		require.Contains(t, good, old)
		return strings.ReplaceAll(good, old, replacement)
	}
	for name, c := range map[string]struct {
		method, path string
		request
		status int
		detail string
	}{
		"no content type":      {request: request{body: good}, status: 415},
		"JSON":                 {request: request{contentType: "application/json", body: "{}"}, status: 415},
		"an answer in JSON":    {request: request{contentType: typeSDP, body: good, header: map[string]string{"Accept": "application/json"}}, status: 406},
		"SDP excluded":         {request: request{contentType: typeSDP, body: good, header: map[string]string{"Accept": "application/sdp;q=0"}}, status: 406},
		"empty":                {request: request{contentType: typeSDP}, status: 400},
		"not SDP":              {request: request{contentType: typeSDP, body: "hello"}, status: 400},
		"large":                {request: request{contentType: typeSDP, body: good + strings.Repeat("a=x\r\n", 5000)}, status: 413},
		"a bad id":             {path: "/whip/call%2F1/alice", request: request{contentType: typeSDP, body: good}, status: 400},
		"bad consent":          {request: request{contentType: typeSDP, body: good, header: map[string]string{"Valence-Consent": "smell"}}, status: 400},
		"bad purpose":          {request: request{contentType: typeSDP, body: good, header: map[string]string{"Valence-Purpose": "fun"}}, status: 400},
		"no media":             {request: request{contentType: typeSDP, body: head}, status: 422},
		"two videos":           {request: request{contentType: typeSDP, body: strings.Replace(good, "m=application", strings.Replace(video, "a=mid:1", "a=mid:9", 1)+"m=application", 1)}, status: 422},
		"twice video":          {request: request{contentType: typeSDP, body: edit("m=audio", "m=video")}, status: 422},
		"text media":           {request: request{contentType: typeSDP, body: edit("m=audio", "m=text")}, status: 422},
		"only a channel":       {request: request{contentType: typeSDP, body: strings.Replace(head+channel, "BUNDLE 0 1 2", "BUNDLE 2", 1)}, status: 422, detail: "transcript"},
		"receiving":            {request: request{contentType: typeSDP, body: edit("a=sendonly", "a=recvonly")}, status: 422},
		"inactive":             {request: request{contentType: typeSDP, body: edit("a=sendonly", "a=inactive")}, status: 422},
		"switched off":         {request: request{contentType: typeSDP, body: edit("m=audio 9", "m=audio 0")}, status: 422},
		"no bundle":            {request: request{contentType: typeSDP, body: edit("a=group:BUNDLE 0 1 2", "a=x:y")}, status: 422},
		"half a bundle":        {request: request{contentType: typeSDP, body: edit("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 2")}, status: 422},
		"no mid":               {request: request{contentType: typeSDP, body: edit("a=mid:0", "a=x:y")}, status: 400},
		"twice a mid":          {request: request{contentType: typeSDP, body: edit("a=mid:1", "a=mid:0")}, status: 400},
		"no mux":               {request: request{contentType: typeSDP, body: edit("a=rtcp-mux", "a=x")}, status: 422},
		"no encryption":        {request: request{contentType: typeSDP, body: edit("UDP/TLS/RTP/SAVPF", "RTP/AVP")}, status: 422},
		"no ICE":               {request: request{contentType: typeSDP, body: edit("a=ice-ufrag:", "a=x:")}, status: 400},
		"no fingerprint":       {request: request{contentType: typeSDP, body: edit("a=fingerprint:", "a=x:")}, status: 400},
		"a bad fingerprint":    {request: request{contentType: typeSDP, body: edit("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 zz")}, status: 400},
		"an unknown hash":      {request: request{contentType: typeSDP, body: edit("a=fingerprint:sha-256 ", "a=fingerprint:sha-999 ")}, status: 400},
		"holdconn":             {request: request{contentType: typeSDP, body: edit("a=setup:actpass", "a=setup:holdconn")}, status: 422},
		"no Opus":              {request: request{contentType: typeSDP, body: edit("opus/48000/2", "speex/16000")}, status: 422},
		"only AV1":             {request: request{contentType: typeSDP, body: strings.NewReplacer("VP8/90000", "x/90000", "VP9/90000", "x/90000", "H264/90000", "x/90000").Replace(good)}, status: 422},
		"only 10 bit VP9":      {request: request{contentType: typeSDP, body: strings.NewReplacer("VP8/90000", "x/90000", "H264/90000", "x/90000", "profile-id=0", "profile-id=2").Replace(good)}, status: 422},
		"not a data channel":   {request: request{contentType: typeSDP, body: edit("webrtc-datachannel", "x")}, status: 422},
		"five layers":          {request: request{contentType: typeSDP, body: strings.Replace(good, "m=application", "a=rid:a send\r\na=rid:b send\r\na=rid:c send\r\na=rid:d send\r\na=rid:e send\r\nm=application", 1)}, status: 422},
		"many candidates":      {request: request{contentType: typeSDP, body: strings.Replace(good, "m=video", strings.Repeat("a=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n", 21)+"m=video", 1)}, status: 422},
		"PUT":                  {method: http.MethodPut, request: request{contentType: typeSDP, body: good}, status: 405},
		"PATCH of an endpoint": {method: http.MethodPatch, request: request{contentType: typeFragment}, status: 405},
		"DELETE of one":        {method: http.MethodDelete, status: 405},
		"POST to a resource":   {path: "/whip/call/alice/SECRET", request: request{contentType: typeSDP, body: good}, status: 405},
		"an unknown resource":  {method: http.MethodPatch, path: "/whip/call/alice/SECRET", request: request{contentType: typeFragment}, status: 404},
		"DELETE of no one":     {method: http.MethodDelete, path: "/whip/call/alice/SECRET", status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.method == "" {
				c.method = http.MethodPost
			}
			if c.path == "" {
				c.path = "/whip/call/alice"
			}
			w, h := b.ask(t, c.method, c.path, c.request)
			assert.Equal(t, c.status, w.Code, w.Body)
			assert.Equal(t, "application/problem+json", h.Get("Content-Type"))
			assert.Contains(t, w.Body.String(), fmt.Sprintf(`"status":%d`, c.status))
			assert.Contains(t, w.Body.String(), c.detail)
			if c.status == http.StatusMethodNotAllowed {
				assert.NotEmpty(t, h.Get("Allow"))
			}
		})
	}
	t.Cleanup(func() {
		if g := b.calls.guest("call/alice"); g != nil {
			joined, left := g.seats()
			assert.Equal(t, joined, left, "a refused offer leaves nobody seated")
		}
		assert.Zero(t, b.gateway.Stats(), "nor a connection")
	})
}

func TestWhatAJoinSaysBecomesAStatus(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	body := offer(t, webrtctest.Options{Loop: true, File: talk})
	for err, status := range map[error]int{ingest.ErrFull: 503, ingest.ErrPurpose: 409, ingest.ErrID: 400, context.Canceled: 500} {
		b.calls.refuse(fmt.Errorf("no: %w", err))
		w, h := b.ask(t, http.MethodPost, "/whip/call/alice", request{contentType: typeSDP, body: body})
		assert.Equal(t, status, w.Code, "%s", err)
		assert.Equal(t, status == 503, h.Get("Retry-After") != "")
	}
}

func TestConnectionsAreLimitedInTotalAndByAddress(t *testing.T) {
	t.Parallel()
	cfg := loopback()
	cfg.MaxConnections, cfg.MaxPerAddress = 3, 2
	b := serve(t, cfg)
	body := offer(t, webrtctest.Options{Loop: true, File: talk})
	post := func(who, from string) int {
		w, h := b.ask(t, http.MethodPost, "/whip/call/"+who, request{contentType: typeSDP, body: body, from: from})
		assert.Equal(t, w.Code != 201, h.Get("Retry-After") != "", w.Code)
		return w.Code
	}
	assert.Equal(t, 201, post("a", "[2001:db8:0:1::1]:1000"))
	assert.Equal(t, 201, post("b", "[2001:db8:0:1::2]:1000"))
	assert.Equal(t, 429, post("c", "[2001:db8:0:1::3]:1000"), "a household has one /64")
	assert.Equal(t, 201, post("d", "192.0.2.1:1000"))
	assert.Equal(t, 503, post("e", "192.0.2.2:1000"))
	assert.Equal(t, 3, b.gateway.Stats().Publishers)
}

func TestAPatchFollowsTheEntityTag(t *testing.T) {
	t.Parallel()
	cfg := loopback()
	cfg.MaxCandidates = 12
	b := serve(t, cfg)
	body := offer(t, webrtctest.Options{Loop: true, File: talk})
	w, h := b.ask(t, http.MethodPost, "/whip/call/alice", request{contentType: typeSDP, body: body})
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	at, tag := h.Get("Location"), h.Get("ETag")
	same := webrtctest.Fragment(body)
	fresh := func(ufrag string) string {
		return "a=ice-options:trickle\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=ice-ufrag:" + ufrag + "\r\na=ice-pwd:0123456789012345678901\r\n"
	}
	const one = "a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n"
	for _, c := range []struct {
		name, body, match, contentType string
		status                         int
	}{
		{"no tag", same, "", typeFragment, 428},
		{"another tag", same, `"other"`, typeFragment, 412},
		{"a weak tag", same, "W/" + tag, typeFragment, 412},
		{"another type", same, tag, typeSDP, 415},
		{"nothing", "", tag, typeFragment, 400},
		{"not SDP", "hello", tag, typeFragment, 400},
		{"a bad candidate", "a=candidate:hello\r\n", tag, typeFragment, 400},
		{"a bad priority", "a=candidate:1 1 udp x 192.0.2.1 5 typ host\r\n", tag, typeFragment, 400},
		{"half the credentials", "a=ice-ufrag:abcd\r\n", tag, typeFragment, 400},
		{"another password alone", strings.Replace(same, "a=ice-pwd:", "a=ice-pwd:xx", 1), tag, typeFragment, 400},
		{"large", same + strings.Repeat("a=x\r\n", 20000), tag, typeFragment, 413},
		{"many candidates", strings.Repeat(one, 13), tag, typeFragment, 422},
		{"candidates", one, tag, typeFragment, 204},
		{"a list of tags", one, `"x", ` + tag, typeFragment, 204},
		{"any tag", one, "*", typeFragment, 204},
		{"an unknown transport", "a=candidate:1 1 dccp 1 192.0.2.1 5 typ host\r\na=candidate:1 1 udp 1 x.local 5 typ host\r\na=candidate:1 1 udp 1 no.example 5 typ other\r\n", tag, typeFragment, 204},
		{"the end of candidates", "a=end-of-candidates\r\n", tag, typeFragment, 204},
		{"more than are left", strings.Repeat(one, 6), tag, typeFragment, 422},
		{"a restart", fresh("aaaa"), "*", typeFragment, 200},
		{"the tag before", one, tag, typeFragment, 412},
		{"a restart with too much", fresh("bbbb") + strings.Repeat(one, 13), "*", typeFragment, 422},
		{"another restart", fresh("cccc") + one, "*", typeFragment, 200},
	} {
		header := map[string]string{}
		if c.match != "" {
			header["If-Match"] = c.match
		}
		w, h = b.ask(t, http.MethodPatch, at, request{contentType: c.contentType, body: c.body, header: header})
		assert.Equal(t, c.status, w.Code, "%s: %s", c.name, w.Body)
		switch c.status {
		case http.StatusNoContent:
			assert.Empty(t, w.Body.String(), c.name)
			assert.Empty(t, h.Get("ETag"), c.name)
		case http.StatusOK:
			assert.Equal(t, typeFragment, h.Get("Content-Type"))
			assert.NotEqual(t, tag, h.Get("ETag"))
			assert.Contains(t, w.Body.String(), "a=ice-ufrag:"+strings.Trim(h.Get("ETag"), `"`))
			assert.Contains(t, w.Body.String(), "a=candidate:")
			assert.Contains(t, w.Body.String(), "a=mid:0")
			assert.Contains(t, w.Body.String(), "a=ice-options:trickle\r\n", "as in the answer")
		default:
			assert.Equal(t, "application/problem+json", h.Get("Content-Type"), c.name)
		}
	}
	w, _ = b.ask(t, http.MethodPatch, strings.Replace(at, "alice", "bob", 1), request{contentType: typeFragment, body: one, header: map[string]string{"If-Match": "*"}})
	assert.Equal(t, 404, w.Code, "a secret belongs to one participant")
	w, _ = b.ask(t, http.MethodDelete, at, request{header: map[string]string{"If-Match": `"ignored"`}})
	assert.Equal(t, 200, w.Code)
	w, _ = b.ask(t, http.MethodDelete, at, request{})
	assert.Equal(t, 404, w.Code)
}

func TestOptionsSayWhatIsTaken(t *testing.T) {
	t.Parallel()
	cfg := loopback()
	cfg.ICEServers = []webrtc.ICEServer{
		{URLs: []string{"turn:turn.example:3478?transport=udp"}, Username: "u", Credential: `p"\x`},
		{URLs: []string{"stun:stun.example:3478"}},
	}
	b := serve(t, cfg)
	w, h := b.ask(t, http.MethodOptions, "/whip/call/alice", request{})
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, typeSDP, h.Get("Accept-Post"))
	assert.Equal(t, []string{
		`<stun:stun.example:3478>; rel="ice-server"`,
		`<turn:turn.example:3478?transport=udp>; rel="ice-server"; username="u"; credential="p\"\\x"; credential-type="password"`,
	}, h.Values("Link"))
	_, h = b.ask(t, http.MethodOptions, "/whip/call/alice", request{header: map[string]string{"Access-Control-Request-Method": "POST"}})
	assert.Empty(t, h.Values("Link"), "credentials are not for a preflight")
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		w, _ = b.ask(t, method, "/whip/call/alice", request{})
		assert.Equal(t, http.StatusNoContent, w.Code, "there is no representation, and that is no error")
	}
}

func TestTwoWhoComeAtOnceLeaveOneConnection(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	body := offer(t, webrtctest.Options{Loop: true, File: talk})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			b.ask(t, http.MethodPost, "/whip/call/alice", request{contentType: typeSDP, body: body})
		})
	}
	group.Wait()
	eventually(t, func() bool { joined, left := b.calls.guest("call/alice").seats(); return joined == 8 && left == 7 }, "seven to leave")
	assert.Equal(t, 1, b.gateway.Stats().Publishers)
}

func TestAClosedGatewayRefuses(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all})
	g := b.media(t, "call/alice", 1)
	require.NoError(t, b.gateway.Shutdown(t.Context()))
	assert.Equal(t, 1, g.count(ingest.Audio, "end:no_track"))
	w, h := b.ask(t, http.MethodPost, "/whip/call/alice", request{contentType: typeSDP, body: offer(t, webrtctest.Options{Loop: true, File: talk})})
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotEmpty(t, h.Get("Retry-After"))
	require.NoError(t, b.gateway.Shutdown(t.Context()), "again")
}
