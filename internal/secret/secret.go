// Package secret keeps tokens and passwords out of logs, of errors and of a
// configuration that is printed.
package secret

// Text is a text that is never printed: whatever writes it, by fmt, slog, JSON
// or YAML, writes "(hidden)". It is read like a string, and string(t) is the
// secret itself.
type Text string

const hidden = "(hidden)"

// String implements fmt.Stringer.
func (t Text) String() string {
	if t == "" {
		return ""
	}
	return hidden
}

// GoString implements fmt.GoStringer.
func (t Text) GoString() string { return t.String() }

// MarshalText hides the secret from JSON and logs.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalYAML hides the secret from a configuration that is printed.
func (t Text) MarshalYAML() (any, error) { return t.String(), nil }

// Hidden reports whether the text is what a secret is printed as: it was read
// from a configuration that had been printed, and is no secret.
func (t Text) Hidden() bool { return t == hidden }
