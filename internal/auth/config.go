package auth

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/valence-live/valence/internal/secret"
)

// ErrConfig says that the tokens cannot be used as they are configured.
var ErrConfig = errors.New("unusable token setting")

// Config says which tokens are known. The keys are those of the server's
// configuration.
type Config struct {
	Tokens   []Token
	JWKSFile string
	Issuer   string
	Audience string
}

// Token is one static token and what it allows.
type Token struct {
	// Token is the token: at least 16 letters, digits or -._~+/ .
	Token secret.Text `yaml:"token,omitempty"`
	// TokenFile is a file that holds it, in place of Token.
	TokenFile string `yaml:"token_file,omitempty"`
	// Scopes are what it allows: publish, read, admin.
	Scopes []Scope `yaml:"scopes"`
	// Session is the only call for which; empty for every call.
	Session string `yaml:"session,omitempty"`
	// Participant is the only person in that call for whom; empty for everybody.
	Participant string `yaml:"participant,omitempty"`
}

// UnmarshalYAML refuses keys that do not exist: a misspelt session must not make
// a token that is good for all of them.
func (t *Token) UnmarshalYAML(unmarshal func(any) error) error {
	var keys map[string]any
	if err := unmarshal(&keys); err != nil {
		return errors.New("a token is a mapping of token or token_file, scopes, session, participant")
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains([]string{"token", "token_file", "scopes", "session", "participant"}, k) {
			return fmt.Errorf("a token has no key %q; it has token or token_file, scopes, session, participant", k)
		}
	}
	type plain Token
	return unmarshal((*plain)(t))
}

func (t Token) grant() Grant {
	return Grant{Scopes: t.Scopes, Session: t.Session, Participant: t.Participant}
}

// spelling is what every client can send (b64token of RFC 6750, section 2.1).
var spelling = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

const minToken = 16

func checkToken(text string) error {
	switch {
	case len(text) < minToken:
		return fmt.Errorf("the token has %d characters, it must have at least %d; make one with: openssl rand -hex 24", len(text), minToken)
	case len(text) > maxToken:
		return fmt.Errorf("the token is longer than %d bytes", maxToken)
	case !spelling.MatchString(text):
		return errors.New("the token may have letters, digits and -._~+/ alone (RFC 6750, section 2.1)")
	}
	return nil
}

// Validate reports every setting that cannot be used, each wrapping ErrConfig.
// It reads no file.
func (c Config) Validate() error {
	var errs []error
	for i, t := range c.Tokens {
		for _, err := range t.validate() {
			errs = append(errs, fmt.Errorf("%w: server.tokens, number %d: %w", ErrConfig, i+1, err))
		}
	}
	switch {
	case c.JWKSFile != "" && (c.Issuer == "" || c.Audience == ""):
		errs = append(errs, fmt.Errorf("%w: server.jwks_file needs server.issuer and server.audience too, else tokens that were made for others would be accepted", ErrConfig))
	case c.JWKSFile == "" && (c.Issuer != "" || c.Audience != ""):
		errs = append(errs, fmt.Errorf("%w: server.issuer and server.audience mean nothing without server.jwks_file", ErrConfig))
	}
	return errors.Join(errs...)
}

func (t Token) validate() []error {
	var errs []error
	switch {
	case t.Token != "" && t.TokenFile != "":
		errs = append(errs, errors.New("it has a token and a token_file; give one"))
	case t.Token == "" && t.TokenFile == "":
		errs = append(errs, errors.New("it has neither a token nor a token_file"))
	case t.Token != "":
		if err := checkToken(string(t.Token)); err != nil {
			errs = append(errs, err)
		}
	}
	if len(t.Scopes) == 0 {
		errs = append(errs, errors.New("it has no scopes; give some of publish, read, admin"))
	}
	for _, s := range t.Scopes {
		if !slices.Contains(Scopes(), s) {
			errs = append(errs, fmt.Errorf("unknown scope %q; use publish, read or admin", s))
		}
	}
	if t.Participant != "" && t.Session == "" {
		errs = append(errs, errors.New("it has a participant and no session"))
	}
	return errs
}

// read returns the token, from its file if it has one.
func (t Token) read() (string, error) {
	if t.TokenFile == "" {
		return string(t.Token), nil
	}
	data, err := readFile(t.TokenFile, maxToken)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(data))
	if err := checkToken(text); err != nil {
		return "", fmt.Errorf("%s: %w", t.TokenFile, err)
	}
	return text, nil
}

// readFile reads a file of at most that many bytes.
func readFile(name string, most int64) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is longer than %d bytes", name, most)
	}
	return data, errors.Join(err, f.Close())
}
