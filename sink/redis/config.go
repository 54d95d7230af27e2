package redis

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// ErrConfig says that a setting of the Redis sink cannot be used.
var ErrConfig = errors.New("unusable Redis setting")

// Config says to which Redis scores are written and for how long they stay.
type Config struct {
	// Addresses are the servers, "host:port". None switches the sink off. One is a single server, several are the nodes
	// of a cluster from which the rest is found; with Master they are Sentinels.
	Addresses []string `yaml:"addresses,omitempty"`
	// Cluster says that a single address leads to a cluster, as hosted ones have it.
	Cluster bool `yaml:"cluster"`
	// Master is the name under which Sentinels know the server to write to. Empty without Sentinels.
	Master string `yaml:"master,omitempty"`
	// DB is the number of the database. A cluster has 0 alone.
	DB int `yaml:"db"`
	// Username is the name of an ACL user; empty for the default user.
	Username string `yaml:"username,omitempty"`
	// Password is the password of that user. It is never printed.
	Password Password `yaml:"password,omitempty"`
	// PasswordFile is a file that holds the password instead.
	PasswordFile string `yaml:"password_file,omitempty"`
	// SentinelUsername is the name that Sentinels ask for; empty for the default user.
	SentinelUsername string `yaml:"sentinel_username,omitempty"`
	// SentinelPassword is the password that Sentinels ask for. It is never printed.
	SentinelPassword Password `yaml:"sentinel_password,omitempty"`
	// SentinelPasswordFile is a file that holds that password instead.
	SentinelPasswordFile string `yaml:"sentinel_password_file,omitempty"`
	// TLS encrypts the connection.
	TLS TLS `yaml:"tls"`
	// TTL is how long the latest score of a participant and of a call stays after the last event. A dashboard that shows
	// calls that have ended needs no longer.
	TTL time.Duration `yaml:"ttl"`
	// HistoryLength is how many events of a call its stream keeps, the newest. Two people who talk make about four a
	// second, of 1.5 kB each: 5000 are the last 20 minutes in 8 MB.
	HistoryLength int `yaml:"history_length"`
	// HistoryAge is how long an event stays in the stream, and how long a repeat of it is recognised.
	HistoryAge time.Duration `yaml:"history_age"`
	// Timeout is how long a batch of events may take before it has failed and is for the caller to repeat.
	Timeout time.Duration `yaml:"timeout"`
}

// Default returns the settings of a sink that is off until it has an address.
func Default() Config {
	return Config{TTL: time.Hour, HistoryLength: 5000, HistoryAge: time.Hour, Timeout: time.Second}
}

// Enabled reports whether there is a Redis to write to.
func (c Config) Enabled() bool { return len(c.Addresses) > 0 }

// Validate reports every setting that cannot be used, each wrapping ErrConfig.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: sink.redis.%s", ErrConfig, fmt.Sprintf(format, args...)))
		}
	}
	for _, a := range c.Addresses {
		host, port, err := net.SplitHostPort(a)
		check(err == nil && host != "" && port != "", "addresses has %q, which is not host:port", a)
	}
	cluster := c.Cluster || len(c.Addresses) > 1 && c.Master == ""
	check(!c.Cluster || c.Master == "", "cluster is true and master is %q: Sentinels watch over single servers, choose one of both", c.Master)
	check(0 <= c.DB && c.DB <= 1e6, "db is %d, it must be 0 or more", c.DB)
	check(!cluster || c.DB == 0, "db is %d, but a cluster has database 0 alone", c.DB)
	for _, who := range []struct {
		key, username string
		password      Password
		file          string
	}{{"", c.Username, c.Password, c.PasswordFile}, {"sentinel_", c.SentinelUsername, c.SentinelPassword, c.SentinelPasswordFile}} {
		check(who.username == "" || who.password != "" || who.file != "", "%susername is %q without a password: Redis asks for both", who.key, who.username)
		check(who.password == "" || who.file == "", "%[1]spassword and %[1]spassword_file are both set, choose one", who.key)
	}
	check((c.TLS.Certificate == "") == (c.TLS.Key == ""), "tls.certificate and tls.key belong together: set both or none")
	check(c.TLS.Enabled || c.TLS == (TLS{}), "tls has settings, but tls.enabled is false")
	check(minimum <= c.TTL && c.TTL <= longest, "ttl is %s, it must be %s to %s", c.TTL, minimum, longest)
	check(1 <= c.HistoryLength && c.HistoryLength <= 1e6, "history_length is %d, it must be 1 to 1000000", c.HistoryLength)
	check(minimum <= c.HistoryAge && c.HistoryAge <= longest, "history_age is %s, it must be %s to %s", c.HistoryAge, minimum, longest)
	check(10*time.Millisecond <= c.Timeout && c.Timeout <= time.Minute, "timeout is %s, it must be 10ms to 1m", c.Timeout)
	return errors.Join(errs...)
}

const (
	minimum = 10 * time.Second // the script renews what expires once a second
	longest = 90 * 24 * time.Hour
)
