package auth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/auth"
)

// An issuer has keys and makes tokens.
type issuer struct {
	ec      *ecdsa.PrivateKey
	ed      ed25519.PrivateKey
	rsa     *rsa.PrivateKey
	public  []jwkset.JWKMarshal
	checker *auth.Authenticator
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	var err error
	i.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, i.ed, err = ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	i.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	i.add(t, i.ec.Public(), jwkset.JWKMetadataOptions{KID: "ec", ALG: jwkset.AlgES256, USE: jwkset.UseSig})
	i.add(t, i.ed.Public(), jwkset.JWKMetadataOptions{KID: "ed"})
	i.add(t, i.rsa.Public(), jwkset.JWKMetadataOptions{})
	i.checker, err = auth.New(i.config(t, i.public...))
	require.NoError(t, err)
	return i
}

func (i *issuer) add(t *testing.T, key any, options jwkset.JWKMetadataOptions) {
	t.Helper()
	i.public = append(i.public, jwk(t, key, options))
}

func jwk(t *testing.T, key any, options jwkset.JWKMetadataOptions) jwkset.JWKMarshal {
	t.Helper()
	k, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: options, Marshal: jwkset.JWKMarshalOptions{Private: true}})
	require.NoError(t, err)
	return k.Marshal()
}

func (i *issuer) config(t *testing.T, keys ...jwkset.JWKMarshal) auth.Config {
	t.Helper()
	set, err := json.Marshal(jwkset.JWKSMarshal{Keys: keys})
	require.NoError(t, err)
	return auth.Config{JWKSFile: write(t, string(set)), Issuer: "https://issuer.example", Audience: "valence"}
}

// good are claims that are accepted, with others over them; nil takes one away.
func good(over map[string]any) jwt.MapClaims {
	c := jwt.MapClaims{"iss": "https://issuer.example", "aud": "valence", "exp": time.Now().Add(time.Hour).Unix(), "scope": "publish openid read"}
	for k, v := range over {
		if v == nil {
			delete(c, k)
		} else {
			c[k] = v
		}
	}
	return c
}

func sign(t *testing.T, method jwt.SigningMethod, key any, header map[string]any, c jwt.Claims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	maps.Copy(token.Header, header)
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

func TestAJSONWebTokenAllowsWhatItsClaimsSay(t *testing.T) {
	i := newIssuer(t)
	both := []auth.Scope{auth.Publish, auth.Read}
	for name, c := range map[string]struct {
		token string
		want  auth.Grant
	}{
		"ES256":           {sign(t, jwt.SigningMethodES256, i.ec, map[string]any{"kid": "ec"}, good(nil)), auth.Grant{Scopes: both}},
		"EdDSA":           {sign(t, jwt.SigningMethodEdDSA, i.ed, map[string]any{"kid": "ed"}, good(nil)), auth.Grant{Scopes: both}},
		"RS256, no kid":   {sign(t, jwt.SigningMethodRS256, i.rsa, nil, good(nil)), auth.Grant{Scopes: both}},
		"PS384, no kid":   {sign(t, jwt.SigningMethodPS384, i.rsa, nil, good(nil)), auth.Grant{Scopes: both}},
		"a list":          {sign(t, jwt.SigningMethodES256, i.ec, nil, good(map[string]any{"scope": []string{"admin", "email"}, "aud": []string{"x", "valence"}})), auth.Grant{Scopes: []auth.Scope{auth.Admin}}},
		"no scope":        {sign(t, jwt.SigningMethodES256, i.ec, nil, good(map[string]any{"scope": nil})), auth.Grant{}},
		"one person":      {sign(t, jwt.SigningMethodES256, i.ec, nil, good(map[string]any{"session": "call", "participant": "alice"})), auth.Grant{Scopes: both, Session: "call", Participant: "alice"}},
		"expired just so": {sign(t, jwt.SigningMethodES256, i.ec, nil, good(map[string]any{"exp": time.Now().Add(-10 * time.Second).Unix()})), auth.Grant{Scopes: both}},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := i.checker.Check(request("/", "Bearer "+c.token))
			require.NoError(t, err)
			assert.Equal(t, c.want, g)
		})
	}
}

func TestAJSONWebTokenThatIsNotSoundIsRefused(t *testing.T) {
	i := newIssuer(t)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	es := func(header, claims map[string]any) string {
		return sign(t, jwt.SigningMethodES256, i.ec, header, good(claims))
	}
	rsaPublic, err := json.Marshal(i.public[2])
	require.NoError(t, err)
	for name, c := range map[string]struct{ token, says string }{
		"another key":              {sign(t, jwt.SigningMethodES256, other, map[string]any{"kid": "ec"}, good(nil)), "signature"},
		"an unknown key":           {es(map[string]any{"kid": "nobody"}, nil), "no key of server.jwks_file fits"},
		"a key for another method": {sign(t, jwt.SigningMethodEdDSA, i.ed, map[string]any{"kid": "ec"}, good(nil)), "no key"},
		"no signature":             {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, good(nil)), "signature"},
		"the public key as secret": {sign(t, jwt.SigningMethodHS256, rsaPublic, nil, good(nil)), "signature"},
		"cut":                      {es(nil, nil)[:150], "not"},
		"expired":                  {es(nil, map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}), "it has expired"},
		"never expires":            {es(nil, map[string]any{"exp": nil}), "no time of expiry"},
		"not yet":                  {es(nil, map[string]any{"nbf": time.Now().Add(time.Minute).Unix()}), "not valid yet"},
		"another issuer":           {es(nil, map[string]any{"iss": "https://evil.example"}), "its issuer is another"},
		"no issuer":                {es(nil, map[string]any{"iss": nil}), "(iss)"},
		"for others":               {es(nil, map[string]any{"aud": []string{"others"}}), "another audience"},
		"for nobody":               {es(nil, map[string]any{"aud": nil}), "(aud)"},
		"critical":                 {es(map[string]any{"crit": []string{"b64"}, "b64": true}, nil), "no key of server.jwks_file fits"},
		"session is a number":      {es(nil, map[string]any{"session": 5}), "no text, or empty"},
		"session is empty":         {es(nil, map[string]any{"session": ""}), "no text, or empty"},
		"session is null":          {es(nil, map[string]any{"session": json.RawMessage("null")}), "no text, or empty"},
		"a person of no session":   {es(nil, map[string]any{"participant": "alice"}), "a participant and no session"},
		"scope is a number":        {es(nil, map[string]any{"scope": 5}), "it cannot be read"},
		"rubbish":                  {"a.b.c", "it cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := i.checker.Check(request("/", "Bearer "+c.token))
			require.ErrorIs(t, err, auth.ErrToken)
			require.ErrorContains(t, err, c.says)
			assert.Empty(t, g)
			assert.NotContains(t, err.Error(), c.token)
		})
	}
}

func TestAKeyThatIsNoSoundPublicKeyIsRefused(t *testing.T) {
	i := newIssuer(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		key  jwkset.JWKMarshal
		says string
	}{
		"private":    {jwk(t, i.ec, jwkset.JWKMetadataOptions{}), "private or symmetric"},
		"symmetric":  {jwk(t, []byte("secret"), jwkset.JWKMetadataOptions{}), "private or symmetric"},
		"small":      {jwk(t, small.Public(), jwkset.JWKMetadataOptions{}), "it has 1024 bits, at least 2048"},
		"to encrypt": {jwk(t, i.ec.Public(), jwkset.JWKMetadataOptions{USE: jwkset.UseEnc}), "no key for signatures"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := auth.New(i.config(t, c.key))
			require.ErrorIs(t, err, auth.ErrConfig)
			assert.ErrorContains(t, err, c.says)
		})
	}
}
