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
	// CA is a file of certificates (PEM) of those who may vouch for a server; empty trusts those of the system.
	CA string `yaml:"ca,omitempty"`
	// Certificate is a file (PEM) by which the server knows us, where it asks.
	Certificate string `yaml:"certificate,omitempty"`
	// Key is the file (PEM) of its private key.
	Key string `yaml:"key,omitempty"`
	// ServerName is the name that the server's certificate must have, where it is not that of its address.
	ServerName string `yaml:"server_name,omitempty"`
}

// config reads the files; nil when TLS is off.
func (t TLS) config() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil //nolint:nilnil // no configuration is how the client is told to use no TLS
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("%w: sink.redis.tls.ca: %w", ErrConfig, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: sink.redis.tls.ca %q has no certificate in PEM", ErrConfig, t.CA)
		}
	}
	if t.Certificate != "" {
		own, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
		if err != nil {
			return nil, fmt.Errorf("%w: sink.redis.tls.certificate %q and key %q: %w", ErrConfig, t.Certificate, t.Key, err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}
