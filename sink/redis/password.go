package redis

import (
	"fmt"
	"os"
	"strings"
)

// Password is a text that is never printed.
type Password string

// String implements fmt.Stringer.
func (p Password) String() string {
	if p == "" {
		return ""
	}
	return "(hidden)"
}

// GoString implements fmt.GoStringer.
func (p Password) GoString() string { return p.String() }

// MarshalText hides the password from JSON and logs.
func (p Password) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalYAML hides the password from a configuration that is printed.
func (p Password) MarshalYAML() (any, error) { return p.String(), nil }

// passwords reads those that are in files.
func (c Config) passwords() (own, sentinel string, err error) {
	own, err = c.Password.or("password_file", c.PasswordFile)
	if err == nil {
		sentinel, err = c.SentinelPassword.or("sentinel_password_file", c.SentinelPasswordFile)
	}
	return own, sentinel, err
}

func (p Password) or(key, file string) (string, error) {
	if file == "" {
		return string(p), nil
	}
	text, err := os.ReadFile(file) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return "", fmt.Errorf("%w: sink.redis.%s: %w", ErrConfig, key, err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}
