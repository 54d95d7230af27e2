package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

const (
	maxKeyFile = 1 << 20 // bytes
	minRSA     = 256     // bytes of the modulus: 2048 bits (RFC 7518, section 3.3)
	leeway     = 30 * time.Second
)

// verifier checks JSON Web Tokens by the public keys of a JWK Set (RFC 7517).
type verifier struct {
	parser *jwt.Parser
	keys   []publicKey
}

type publicKey struct {
	id, algorithm string
	key           jwt.VerificationKey
}

// methods are the algorithms with a public key: what verifies a token here
// cannot make one.
func methods() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

func newVerifier(cfg Config) (*verifier, error) {
	data, err := readFile(cfg.JWKSFile, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("%w: server.jwks_file: %w", ErrConfig, err)
	}
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("%w: server.jwks_file %s is no JWK Set: %w", ErrConfig, cfg.JWKSFile, err)
	}
	v := &verifier{parser: jwt.NewParser(jwt.WithValidMethods(methods()), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway),
		jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(cfg.Audience), jwt.WithStrictDecoding())}
	var errs []error
	for i, k := range set.Keys {
		if k.USE != "" && k.USE != jwkset.UseSig {
			continue
		}
		key, err := public(k)
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: server.jwks_file %s, key %d: %w", ErrConfig, cfg.JWKSFile, i+1, err))
			continue
		}
		v.keys = append(v.keys, publicKey{k.KID, k.ALG.String(), key})
	}
	if len(errs) == 0 && len(v.keys) == 0 {
		errs = append(errs, fmt.Errorf("%w: server.jwks_file %s has no key for signatures", ErrConfig, cfg.JWKSFile))
	}
	return v, errors.Join(errs...)
}

// public returns the key that verifies. A file with a key that signs is refused:
// this program has no use for it.
func public(k jwkset.JWKMarshal) (jwt.VerificationKey, error) {
	if k.D != "" || k.K != "" {
		return nil, errors.New("it is a private or symmetric key; keep that to the issuer and give the public one")
	}
	parsed, err := jwkset.NewJWKFromMarshal(k, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return nil, err
	}
	switch key := parsed.Key().(type) {
	case *rsa.PublicKey:
		if key.Size() < minRSA {
			return nil, fmt.Errorf("it has %d bits, at least %d are needed", 8*key.Size(), 8*minRSA)
		}
		return key, nil
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return key, nil
	default:
		return nil, fmt.Errorf("a key of kind %s verifies no signature", k.KTY)
	}
}

// claims are what a token says.
type claims struct {
	jwt.RegisteredClaims
	Scope       scopes      `json:"scope"`
	Session     restriction `json:"session"`
	Participant restriction `json:"participant"`
}

// scopes are separated by spaces (RFC 8693, section 4.2), or a list.
type scopes []string

// UnmarshalJSON implements json.Unmarshaler.
func (s *scopes) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*s = strings.Fields(text)
		return nil
	}
	return json.Unmarshal(data, (*[]string)(s))
}

// restriction is a name that must not be empty where it is stated: a template
// that was not filled in must not make a token for everybody.
type restriction string

// UnmarshalJSON implements json.Unmarshaler. It is called for null too.
func (r *restriction) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, (*string)(r)); err != nil || *r == "" {
		return errRestriction
	}
	return nil
}

var (
	errRestriction = errors.New("its session or participant is no text, or empty")
	errParticipant = errors.New("it has a participant and no session")
)

// Validate is called by the parser, once the signature is verified.
func (c *claims) Validate() error {
	if c.Participant != "" && c.Session == "" {
		return errParticipant
	}
	return nil
}

// check returns what a token allows. Scopes of others are ignored.
func (v *verifier) check(token string) (Grant, error) {
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, v.find); err != nil {
		return Grant{}, fmt.Errorf("%w: %s", ErrToken, reason(err))
	}
	g := Grant{Session: string(c.Session), Participant: string(c.Participant)}
	for _, s := range Scopes() {
		if slices.Contains(c.Scope, string(s)) {
			g.Scopes = append(g.Scopes, s)
		}
	}
	return g, nil
}

// find gives the keys that may have signed the token: the one that it names, or
// all.
func (v *verifier) find(t *jwt.Token) (any, error) {
	if t.Header["crit"] != nil {
		return nil, errors.New("it has critical extensions (RFC 7515, section 4.1.11), none is known here")
	}
	id, named := t.Header["kid"].(string)
	var set jwt.VerificationKeySet
	for _, k := range v.keys {
		if (!named || k.id == id) && (k.algorithm == "" || k.algorithm == t.Method.Alg()) {
			set.Keys = append(set.Keys, k.key)
		}
	}
	return set, nil
}

// reason says what is wrong, in words that hold nothing of the token.
func reason(err error) string {
	for _, c := range []struct {
		is  error
		say string
	}{
		{jwt.ErrTokenSignatureInvalid, "its signature or algorithm is not accepted"},
		{jwt.ErrTokenUnverifiable, "no key of server.jwks_file fits it"},
		{jwt.ErrTokenExpired, "it has expired"},
		{jwt.ErrTokenNotValidYet, "it is not valid yet"},
		{jwt.ErrTokenUsedBeforeIssued, "it is not valid yet"},
		{jwt.ErrTokenInvalidIssuer, "its issuer is another (iss)"},
		{jwt.ErrTokenInvalidAudience, "it is for another audience (aud)"},
		{jwt.ErrTokenRequiredClaimMissing, "it has no time of expiry (exp), issuer (iss) or audience (aud)"},
		{errRestriction, errRestriction.Error()},
		{errParticipant, errParticipant.Error()},
	} {
		if errors.Is(err, c.is) {
			return c.say
		}
	}
	return "it cannot be read"
}
