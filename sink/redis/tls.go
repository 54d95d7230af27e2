package redis

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// TLS says how the connection is encrypted.
type TLS struct {
	// Enabled turns encryption on. The server's certificate is always verified.
	Enabled bool `yaml:"enabled"`
	// CAFile holds the certificates (PEM) that the server's must lead to; empty for those of the system.
	CAFile string `yaml:"ca_file,omitempty"`
	// CertFile holds the certificate (PEM) by which this client is known, where the server asks for one.
	CertFile string `yaml:"cert_file,omitempty"`
	// KeyFile holds its private key (PEM).
	KeyFile string `yaml:"key_file,omitempty"`
	// ServerName is the name that the server's certificate must have, if not the host of the address.
	ServerName string `yaml:"server_name,omitempty"`
}

// config reads the files; nil when TLS is off.
func (t TLS) config() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil //nolint:nilnil // no configuration is how the client is told to use no TLS
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("%w: sink.redis.tls.ca_file: %w", ErrConfig, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: sink.redis.tls.ca_file %q has no certificate in PEM", ErrConfig, t.CAFile)
		}
	}
	if t.CertFile != "" {
		own, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("%w: sink.redis.tls.cert_file %q and key_file %q: %w", ErrConfig, t.CertFile, t.KeyFile, err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}
