package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/valence-live/valence/internal/auth"
)

// ErrConfig says that a setting of the HTTP server cannot be used.
var ErrConfig = errors.New("unusable server setting")

// Config says where the HTTP interface listens, and who may use it.
type Config struct {
	// Listen is the address and port. Without tokens it must be one of this machine alone, such as 127.0.0.1:8080; port 0 takes a free one.
	Listen string `yaml:"listen"`
	// TLSCert is a file with the certificate and its chain (PEM), TLSKey one with its key. Both are read at the start alone; empty serves plain HTTP.
	TLSCert string `yaml:"tls_cert"`
	// TLSKey is the key of TLSCert.
	TLSKey string `yaml:"tls_key"`
	// Tokens lists who may do what, each {token or token_file, scopes: [publish, read, admin], session, participant}; session and participant narrow it to one call or person.
	Tokens []auth.Token `yaml:"tokens"`
	// JWKSFile is a JSON Web Key Set with the public keys of an issuer of JSON Web Tokens, whose claims are scope ("publish read"), session and participant.
	JWKSFile string `yaml:"jwks_file"`
	// Issuer is the iss that those tokens must have.
	Issuer string `yaml:"issuer"`
	// Audience is the aud that those tokens must have.
	Audience string `yaml:"audience"`
	// CORSOrigins lists the other sites, such as https://app.example.com, whose pages may use the interface; "*" is every site, and needs tokens.
	CORSOrigins []string `yaml:"cors_origins"`
	// FrameAncestors lists the sites that may show the pages in a frame.
	FrameAncestors []string `yaml:"frame_ancestors"`
	// MaxBody is the largest body of a request, in bytes.
	MaxBody int64 `yaml:"max_body"`
	// PostRate is how many POST requests a second one address (IPv4, or IPv6 /64) may make, with bursts of twice as many; 0 is any number. A proxy in front makes all clients look like one.
	PostRate float64 `yaml:"post_rate"`
	// ReadHeaderTimeout is how long a client may take to send the head of a request.
	ReadHeaderTimeout time.Duration `yaml:"read_header_timeout"`
	// ReadTimeout is how long it may take to send a whole request.
	ReadTimeout time.Duration `yaml:"read_timeout"`
	// WriteTimeout is how long a response may take. Streams of events have no such limit.
	WriteTimeout time.Duration `yaml:"write_timeout"`
	// IdleTimeout is how long a connection may wait for its next request.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	// LogRequests logs each request: its route, status and time, never its path or token.
	LogRequests bool `yaml:"log_requests"`
}

// Default serves this machine alone.
func Default() Config {
	return Config{
		Listen:            "127.0.0.1:8080",
		MaxBody:           256 << 10,
		PostRate:          100,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
}

// Validate reports every setting that cannot be used, each wrapping ErrConfig
// or auth.ErrConfig. It reads no file.
func (c Config) Validate() error {
	errs := []error{c.auth().Validate()}
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: server.%s", ErrConfig, fmt.Sprintf(format, args...)))
		}
	}
	host, _, err := net.SplitHostPort(c.Listen)
	check(err == nil, "listen is %q, it must be an address and a port such as 127.0.0.1:8080", c.Listen)
	check(err != nil || c.guarded() || isLoopback(host), "listen is %q, where others reach it, and no token is known: "+
		"set server.tokens (or server.jwks_file, issuer and audience), or listen on 127.0.0.1", c.Listen)
	check((c.TLSCert == "") == (c.TLSKey == ""), "tls_cert and tls_key need each other")
	for _, o := range c.CORSOrigins {
		check(o == "*" || isOrigin(o), "cors_origins has %q, which is no origin such as https://app.example.com", o)
		check(o != "*" || c.guarded(), `cors_origins has "*", every site, which needs tokens`)
	}
	for _, o := range c.FrameAncestors {
		check(isOrigin(o), "frame_ancestors has %q, which is no origin such as https://app.example.com", o)
	}
	check(minBody <= c.MaxBody && c.MaxBody <= maxBody, "max_body is %d, it must be %d to %d", c.MaxBody, minBody, maxBody)
	check(0 <= c.PostRate && c.PostRate <= 1e6, "post_rate is %g, it must be 0 to 1000000", c.PostRate)
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"read_header_timeout", c.ReadHeaderTimeout},
		{"read_timeout", c.ReadTimeout},
		{"write_timeout", c.WriteTimeout},
		{"idle_timeout", c.IdleTimeout},
	} {
		check(100*time.Millisecond <= d.value && d.value <= time.Hour, "%s is %s, it must be 100ms to 1h", d.key, d.value)
	}
	return errors.Join(errs...)
}

const (
	minBody = 4 << 10
	maxBody = 16 << 20
)

func (c Config) auth() auth.Config {
	return auth.Config{Tokens: c.Tokens, JWKSFile: c.JWKSFile, Issuer: c.Issuer, Audience: c.Audience}
}

// guarded reports whether a token is needed.
func (c Config) guarded() bool { return len(c.Tokens) > 0 || c.JWKSFile != "" }

// allows reports whether pages of an origin may use the interface.
func (c Config) allows(origin string) bool {
	return slices.Contains(c.CORSOrigins, "*") || slices.ContainsFunc(c.CORSOrigins, func(o string) bool { return strings.EqualFold(o, origin) })
}

// isLoopback reports whether a host, as in a URL, is this machine alone. Names
// below localhost are, by RFC 6761, section 6.3.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}

// isOrigin reports whether s is a scheme, a host and perhaps a port (RFC 6454,
// section 6.1), in the characters that may stand in a header.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		s == u.Scheme+"://"+u.Host && !strings.ContainsAny(s, " ;,'\"*") && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
