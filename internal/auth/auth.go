// Package auth decides who may ask what of the HTTP interface: by static tokens,
// and by JSON Web Tokens (RFC 7519) whose keys are in a file. A token comes in
// the Authorization header or, where a client cannot set one, in the query
// (RFC 6750, sections 2.1 and 2.3). No error holds one.
package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Errors of Check and Grant.
var (
	// ErrNoToken says that a token is needed and there is none: status 401.
	ErrNoToken = errors.New("a token is needed")
	// ErrToken says that the token is not accepted: status 401.
	ErrToken = errors.New("the token is not accepted")
	// ErrRequest says that a token is not given as RFC 6750 wants it: status 400.
	ErrRequest = errors.New("unusable authorization")
	// ErrForbidden says that the token does not allow what is asked: status 403.
	ErrForbidden = errors.New("the token does not allow this")
)

// maxToken bounds a token, in bytes. Nothing longer is looked at.
const maxToken = 8 << 10

// QueryToken is the query parameter that may hold the token.
const QueryToken = "access_token"

// Authenticator knows the tokens. Its methods may be called from any goroutine.
type Authenticator struct {
	static []static
	jwt    *verifier // nil where there is no key file
}

// static is a token by its hash, and what it allows.
type static struct {
	hash  [sha256.Size]byte
	grant Grant
}

// New reads the files that cfg names. The error wraps ErrConfig.
func New(cfg Config) (*Authenticator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &Authenticator{}
	var errs []error
	for i, t := range cfg.Tokens {
		text, err := t.read()
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: server.tokens, number %d: %w", ErrConfig, i+1, err))
			continue
		}
		s := static{sha256.Sum256([]byte(text)), t.grant()}
		for j, other := range a.static {
			if other.hash == s.hash {
				errs = append(errs, fmt.Errorf("%w: server.tokens, number %d is the same token as number %d", ErrConfig, i+1, j+1))
			}
		}
		a.static = append(a.static, s)
	}
	if cfg.JWKSFile != "" {
		v, err := newVerifier(cfg)
		errs = append(errs, err)
		a.jwt = v
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return a, nil
}

// Required reports whether any token is known. Where none is, everybody may do
// everything: the server then listens on the loopback interface alone.
func (a *Authenticator) Required() bool { return len(a.static) > 0 || a.jwt != nil }

// Check returns what the request's token allows. The error wraps ErrNoToken,
// ErrToken or ErrRequest.
func (a *Authenticator) Check(r *http.Request) (Grant, error) {
	if !a.Required() {
		return Everything(), nil
	}
	token, err := tokenOf(r)
	switch {
	case err != nil:
		return Grant{}, err
	case token == "":
		return Grant{}, fmt.Errorf("%w: send it as \"Authorization: Bearer ...\"", ErrNoToken)
	case len(token) > maxToken:
		return Grant{}, fmt.Errorf("%w: it is longer than %d bytes", ErrToken, maxToken)
	}
	hash := sha256.Sum256([]byte(token))
	var found *Grant
	for i := range a.static { // all of them, so that the time says nothing
		if subtle.ConstantTimeCompare(a.static[i].hash[:], hash[:]) == 1 {
			found = &a.static[i].grant
		}
	}
	switch {
	case found != nil:
		return *found, nil
	case a.jwt != nil && strings.Count(token, ".") == 2: //nolint:mnd // RFC 7515, section 3.1
		return a.jwt.check(token)
	default:
		return Grant{}, fmt.Errorf("%w: it is not known here", ErrToken)
	}
}

// tokenOf returns the one token of a request, or "". The scheme may be written
// in any case, and some clients leave it out.
func tokenOf(r *http.Request) (string, error) {
	var tokens []string
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return "", fmt.Errorf("%w: there are %d Authorization headers, send one", ErrRequest, len(headers))
	}
	for _, h := range headers {
		scheme, rest, two := strings.Cut(strings.TrimSpace(h), " ")
		switch rest = strings.TrimSpace(rest); {
		case two && strings.EqualFold(scheme, "Bearer") && rest != "":
			tokens = append(tokens, rest)
		case !two && scheme != "" && !strings.EqualFold(scheme, "Bearer"):
			tokens = append(tokens, scheme)
		}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil && strings.Contains(r.URL.RawQuery, QueryToken) {
		return "", fmt.Errorf("%w: the query cannot be read", ErrRequest)
	}
	for _, t := range query[QueryToken] {
		if t != "" {
			tokens = append(tokens, t)
		}
	}
	switch len(tokens) {
	case 0:
		return "", nil
	case 1:
		return tokens[0], nil
	default:
		return "", fmt.Errorf("%w: there is more than one token, send one", ErrRequest)
	}
}

// Challenge is the WWW-Authenticate header for an error of Check or Grant
// (RFC 6750, section 3).
func Challenge(err error, need Scope) string {
	var code string
	switch {
	case errors.Is(err, ErrToken):
		code = "invalid_token"
	case errors.Is(err, ErrRequest):
		code = "invalid_request"
	case errors.Is(err, ErrForbidden):
		code = "insufficient_scope"
	default:
		return `Bearer realm="valence"`
	}
	return fmt.Sprintf(`Bearer realm="valence", error="%s", scope="%s"`, code, need)
}
