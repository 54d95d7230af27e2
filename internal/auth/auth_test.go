package auth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/auth"
	hidden "github.com/valence-live/valence/internal/secret"
)

const secret = "0123456789abcdef"

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func known(tb testing.TB, tokens ...auth.Token) *auth.Authenticator {
	tb.Helper()
	a, err := auth.New(auth.Config{Tokens: tokens})
	require.NoError(tb, err)
	return a
}

func request(target string, headers ...string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, target, nil)
	for _, h := range headers {
		r.Header.Add("Authorization", h)
	}
	return r
}

func TestATokenMayComeInTheHeaderOrTheQuery(t *testing.T) {
	a := known(t, auth.Token{Token: secret, Scopes: []auth.Scope{auth.Read}})
	for name, c := range map[string]struct {
		r    *http.Request
		want error
	}{
		"header":                   {request("/", "Bearer "+secret), nil},
		"scheme in another case":   {request("/", "bEARER   "+secret+" "), nil},
		"no scheme":                {request("/", secret), nil},
		"query":                    {request("/?x=1&access_token=" + secret), nil},
		"query beside basic":       {request("/?access_token="+secret, "Basic dTpw"), nil},
		"query, empty header":      {request("/?access_token="+secret, "Bearer "), nil},
		"none":                     {request("/"), auth.ErrNoToken},
		"empty":                    {request("/?access_token=", "Bearer"), auth.ErrNoToken},
		"another scheme":           {request("/", "Basic "+secret), auth.ErrNoToken},
		"another token":            {request("/", "Bearer 0123456789abcdeF"), auth.ErrToken},
		"a part":                   {request("/", "Bearer "+secret[1:]), auth.ErrToken},
		"two words":                {request("/", "Bearer "+secret+" x"), auth.ErrToken},
		"looks like a JWT":         {request("/", "Bearer a.b.c"), auth.ErrToken},
		"too long":                 {request("/", "Bearer "+strings.Repeat("a", 9000)), auth.ErrToken},
		"header and query":         {request("/?access_token="+secret, "Bearer "+secret), auth.ErrRequest},
		"bearer and basic":         {request("/", "Bearer "+secret, "Basic dTpw"), auth.ErrRequest},
		"two headers":              {request("/", "Bearer "+secret, "Bearer "+secret), auth.ErrRequest},
		"two queries":              {request("/?access_token=" + secret + "&access_token=" + secret), auth.ErrRequest},
		"a query that is none":     {request("/?access_token=" + secret + "&a=%zz"), auth.ErrRequest},
		"a query that is not ours": {request("/?a=%zz", "Bearer "+secret), nil},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := a.Check(c.r)
			if c.want == nil {
				require.NoError(t, err)
				assert.Equal(t, []auth.Scope{auth.Read}, g.Scopes)
				return
			}
			require.ErrorIs(t, err, c.want)
			assert.NotContains(t, err.Error(), secret[1:])
			assert.Empty(t, g)
		})
	}
}

func TestWithoutAnyTokenEverybodyMayDoEverything(t *testing.T) {
	a := known(t)
	assert.False(t, a.Required())
	g, err := a.Check(request("/", "Bearer anything"))
	require.NoError(t, err)
	for _, s := range auth.Scopes() {
		assert.NoError(t, g.Check(s, "call", "alice"))
	}
}

func TestAGrantAllowsItsScopesForWhomItIs(t *testing.T) {
	all := auth.Grant{Scopes: []auth.Scope{auth.Publish}}
	call := auth.Grant{Scopes: []auth.Scope{auth.Publish}, Session: "call"}
	alice := auth.Grant{Scopes: []auth.Scope{auth.Publish}, Session: "call", Participant: "alice"}
	for _, c := range []struct {
		g                    auth.Grant
		need                 auth.Scope
		session, participant string
		says                 string
	}{
		{all, auth.Publish, "call", "alice", ""},
		{all, auth.Publish, "", "", ""},
		{all, auth.Read, "call", "alice", "it lacks the scope read"},
		{all, auth.Admin, "call", "alice", "it lacks the scope admin"},
		{auth.Grant{Scopes: []auth.Scope{auth.Admin}}, auth.Read, "call", "alice", ""},
		{auth.Grant{}, auth.Read, "call", "alice", "it lacks the scope read"},
		{call, auth.Publish, "call", "bob", ""},
		{call, auth.Publish, "call", "", ""},
		{call, auth.Publish, "", "", `it is for the session "call" alone`},
		{call, auth.Publish, "call2", "bob", `it is for the session "call" alone`},
		{alice, auth.Publish, "call", "alice", ""},
		{alice, auth.Publish, "call", "bob", `it is for the participant "alice" of the session "call" alone`},
		{alice, auth.Publish, "call", "", `it is for the participant "alice" of the session "call" alone`},
		{alice, auth.Publish, "call2", "alice", `it is for the participant "alice" of the session "call" alone`},
	} {
		err := c.g.Check(c.need, c.session, c.participant)
		if c.says == "" {
			require.NoError(t, err, "%+v", c)
			continue
		}
		require.ErrorIs(t, err, auth.ErrForbidden, "%+v", c)
		assert.ErrorContains(t, err, c.says)
	}
}

func TestARefusalSaysWhatToSend(t *testing.T) {
	assert.Equal(t, `Bearer realm="valence"`, auth.Challenge(auth.ErrNoToken, auth.Read))
	assert.Equal(t, `Bearer realm="valence", error="invalid_token", scope="read"`, auth.Challenge(auth.ErrToken, auth.Read))
	assert.Equal(t, `Bearer realm="valence", error="invalid_request", scope="admin"`, auth.Challenge(auth.ErrRequest, auth.Admin))
	assert.Equal(t, `Bearer realm="valence", error="insufficient_scope", scope="publish"`, auth.Challenge(auth.ErrForbidden, auth.Publish))
}

func TestATokenMayBeInAFile(t *testing.T) {
	a := known(t, auth.Token{TokenFile: write(t, secret+"\n"), Scopes: []auth.Scope{auth.Publish}, Session: "call", Participant: "alice"})
	g, err := a.Check(request("/", "Bearer "+secret))
	require.NoError(t, err)
	assert.Equal(t, auth.Grant{Scopes: []auth.Scope{auth.Publish}, Session: "call", Participant: "alice"}, g)
}

func TestTokensThatCannotBeUsedAreAllReported(t *testing.T) {
	read := []auth.Scope{auth.Read}
	for name, c := range map[string]struct {
		cfg  auth.Config
		says []string
	}{
		"short":            {auth.Config{Tokens: []auth.Token{{Token: "short", Scopes: read}}}, []string{"server.tokens, number 1", "5 characters, it must have at least 16"}},
		"spelling":         {auth.Config{Tokens: []auth.Token{{Token: secret + "ü", Scopes: read}}}, []string{"letters, digits and -._~+/ alone"}},
		"long":             {auth.Config{Tokens: []auth.Token{{Token: hidden.Text(strings.Repeat("a", 9000)), Scopes: read}}}, []string{"longer than 8192 bytes"}},
		"both, and scopes": {auth.Config{Tokens: []auth.Token{{Token: secret, Scopes: read}, {Token: secret, TokenFile: "f", Scopes: []auth.Scope{"write"}}}}, []string{"number 2: it has a token and a token_file", `number 2: unknown scope "write"`}},
		"nothing":          {auth.Config{Tokens: []auth.Token{{Participant: "alice"}}}, []string{"neither a token nor a token_file", "no scopes", "a participant and no session"}},
		"twice":            {auth.Config{Tokens: []auth.Token{{Token: secret, Scopes: read}, {Token: secret, Scopes: read, Session: "x"}}}, []string{"number 2 is the same token as number 1"}},
		"no file":          {auth.Config{Tokens: []auth.Token{{TokenFile: "/nowhere/token", Scopes: read}}}, []string{"number 1", "/nowhere/token"}},
		"an empty file":    {auth.Config{Tokens: []auth.Token{{TokenFile: write(t, "\n"), Scopes: read}}}, []string{"0 characters"}},
		"a huge file":      {auth.Config{Tokens: []auth.Token{{TokenFile: write(t, strings.Repeat("a", 9000)), Scopes: read}}}, []string{"longer than 8192 bytes"}},
		"no audience":      {auth.Config{JWKSFile: "keys.json", Issuer: "i"}, []string{"needs server.issuer and server.audience"}},
		"no keys":          {auth.Config{Issuer: "i"}, []string{"mean nothing without server.jwks_file"}},
		"no key file":      {auth.Config{JWKSFile: "/nowhere/keys", Issuer: "i", Audience: "a"}, []string{"server.jwks_file", "/nowhere/keys"}},
		"no JSON":          {auth.Config{JWKSFile: write(t, "x"), Issuer: "i", Audience: "a"}, []string{"is no JWK Set"}},
		"an empty set":     {auth.Config{JWKSFile: write(t, `{"keys":[]}`), Issuer: "i", Audience: "a"}, []string{"no key for signatures"}},
		"symmetric":        {auth.Config{JWKSFile: write(t, `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`), Issuer: "i", Audience: "a"}, []string{"key 1: it is a private or symmetric key"}},
		"broken key":       {auth.Config{JWKSFile: write(t, `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`), Issuer: "i", Audience: "a"}, []string{"key 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := auth.New(c.cfg)
			require.ErrorIs(t, err, auth.ErrConfig)
			for _, says := range c.says {
				require.ErrorContains(t, err, says)
			}
			assert.NotContains(t, err.Error(), secret)
		})
	}
}

func TestASecretIsNeverPrinted(t *testing.T) {
	token := auth.Token{Token: secret, Scopes: []auth.Scope{auth.Read}}
	var out strings.Builder
	fmt.Fprintf(&out, "%v %+v %#v %s", token, token, token, token.Token)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", slog.Any("token", token), slog.Any("secret", token.Token))
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", slog.Any("token", token), slog.Any("secret", token.Token))
	asJSON, err := json.Marshal(token)
	require.NoError(t, err)
	asYAML, err := yaml.Marshal([]auth.Token{token})
	require.NoError(t, err)
	out.Write(asJSON)
	out.Write(asYAML)
	assert.NotContains(t, out.String(), secret)
	assert.Contains(t, string(asYAML), "token: (hidden)")

	var again []auth.Token
	require.NoError(t, yaml.Unmarshal(asYAML, &again))
	assert.Error(t, auth.Config{Tokens: again}.Validate(), "what was printed is no token")
}

func TestTokensAreReadStrictly(t *testing.T) {
	var tokens []auth.Token
	require.NoError(t, yaml.Unmarshal([]byte("[{token: "+secret+", scopes: [publish, read], session: call}, {token_file: f, scopes: [admin]}]"), &tokens))
	assert.Equal(t, []auth.Token{
		{Token: secret, Scopes: []auth.Scope{auth.Publish, auth.Read}, Session: "call"},
		{TokenFile: "f", Scopes: []auth.Scope{auth.Admin}},
	}, tokens)
	for _, text := range []string{"[{token: " + secret + ", scopes: [read], sesion: call}]", "[" + secret + "]"} {
		assert.Error(t, yaml.Unmarshal([]byte(text), &tokens), text)
	}
}

func FuzzCheck(f *testing.F) {
	a := known(f, auth.Token{Token: secret, Scopes: []auth.Scope{auth.Read}})
	f.Add("Bearer "+secret, "access_token="+secret)
	f.Add("bearer", "access_token=%zz")
	f.Fuzz(func(t *testing.T, header, query string) {
		g, err := a.Check(&http.Request{Header: http.Header{"Authorization": {header}}, URL: &url.URL{RawQuery: query}})
		if err == nil {
			values, _ := url.ParseQuery(query)
			require.True(t, strings.Contains(header, secret) || slices.Contains(values[auth.QueryToken], secret))
			require.True(t, g.Has(auth.Read))
			return
		}
		require.Empty(t, g)
		require.NotContains(t, err.Error(), secret)
	})
}

func BenchmarkCheck(b *testing.B) {
	tokens := make([]auth.Token, 20)
	for i := range tokens {
		tokens[i] = auth.Token{Token: hidden.Text(fmt.Sprintf("%s%02d", secret, i)), Scopes: []auth.Scope{auth.Read}}
	}
	a, r := known(b, tokens...), request("/", "Bearer "+secret+"07")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Check(r); err != nil {
			b.Fatal(err)
		}
	}
}
