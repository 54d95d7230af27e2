// Package kafkasecure is how a client of Kafka proves who it is and encrypts its
// connections: settings that the source and the sink share.
package kafkasecure

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/valence-live/valence/internal/secret"
)

// SASL is how this program proves who it is (RFC 4422).
type SASL struct {
	// Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty needs no proof. PLAIN tells the password to the broker, so it
	// needs TLS.
	Mechanism string `yaml:"mechanism"`
	// Username is the name that the broker knows.
	Username string `yaml:"username"`
	// Password is its password. It is never printed.
	Password secret.Text `yaml:"password"`
	// PasswordFile is a file that holds the password instead.
	PasswordFile string `yaml:"password_file"`
}

// TLS is how connections are encrypted.
type TLS struct {
	// Enabled switches it on.
	Enabled bool `yaml:"enabled"`
	// CA is a file of certificates (PEM) of those who may vouch for a broker; empty trusts those of the system.
	CA string `yaml:"ca"`
	// Certificate and Key are files (PEM) by which the broker knows us, where it asks.
	Certificate string `yaml:"certificate"`
	// Key is the key of the certificate.
	Key string `yaml:"key"`
	// ServerName is the name that the broker's certificate must have, where it is not that of its address.
	ServerName string `yaml:"server_name"`
}

// Validate reports every setting that cannot be used; key is where they stand in
// the configuration, such as "sink.kafka".
func (s SASL) Validate(key string) []error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s.sasl.%s", key, fmt.Sprintf(format, args...)))
		}
	}
	switch s.Mechanism {
	case "":
		check(s.Username == "" && s.Password == "" && s.PasswordFile == "", "mechanism is empty, but there is a username or password: set it to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
		check(s.Username != "", "username is empty")
		check((s.Password == "") != (s.PasswordFile == ""), "password or password_file must be set, one of them")
		check(!s.Password.Hidden(), "password is what a secret is printed as: set the secret itself")
	default:
		check(false, "mechanism is %q, it must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", s.Mechanism)
	}
	return errs
}

// Client returns the mechanism, nil where no proof is needed.
func (s SASL) Client(key string) (sasl.Mechanism, error) {
	if s.Mechanism == "" {
		return nil, nil //nolint:nilnil // kafka-go's own word for none
	}
	password := string(s.Password)
	if s.PasswordFile != "" {
		text, err := os.ReadFile(s.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("%s.sasl.password_file: %w", key, err)
		}
		password = strings.TrimRight(string(text), "\r\n")
	}
	if s.Mechanism == "PLAIN" {
		return plain.Mechanism{Username: s.Username, Password: password}, nil
	}
	algorithm := scram.SHA256
	if s.Mechanism == "SCRAM-SHA-512" {
		algorithm = scram.SHA512
	}
	m, err := scram.Mechanism(algorithm, s.Username, password)
	if err != nil { // it may quote the password
		return nil, fmt.Errorf("%s.sasl: the username or password has characters that SCRAM forbids (RFC 4013)", key)
	}
	return m, nil
}

// Validate reports every setting that cannot be used.
func (t TLS) Validate(key string) []error {
	var errs []error
	check := func(ok bool, text string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s.tls.%s", key, text))
		}
	}
	check(t.Enabled || t == TLS{}, "enabled is false, but other keys of tls are set")
	check((t.Certificate == "") == (t.Key == ""), "certificate and key belong together")
	return errs
}

// Client reads the files. It returns nil where connections are not encrypted.
func (t TLS) Client(key string) (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil //nolint:nilnil // crypto/tls' own word for none
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("%s.tls.ca: %w", key, err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s.tls.ca: %s holds no certificate in PEM", key, t.CA)
		}
	}
	if t.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
		if err != nil {
			return nil, fmt.Errorf("%s.tls.certificate: %w", key, err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}
