package live

import (
	"errors"
	"fmt"
	"path"
	"time"
)

// ErrConfig says that a setting of the live sink cannot be used.
var ErrConfig = errors.New("unusable live setting")

// Config says how scores are handed to those who watch.
type Config struct {
	// Clients is how many readers of events are served at once. One more is told to come again later (503).
	Clients int `yaml:"clients"`
	// Queue is how many events a reader may be behind. Beyond it provisional events are left out first, then the oldest,
	// and the reader is told how many. 64 are about half a minute of one participant.
	Queue int `yaml:"queue"`
	// Heartbeat is how long a silent stream waits before it sends a sign of life, so that proxies keep it open and a dead
	// reader is noticed.
	Heartbeat time.Duration `yaml:"heartbeat"`
	// WriteTimeout is how long one message may take to be written. A reader that takes longer is cut off; it may come
	// back and go on where it was.
	WriteTimeout time.Duration `yaml:"write_timeout"`

	// Origins lists the origins of other sites ("https://app.example.com") whose pages may open a WebSocket here. They
	// are those that the server answers at all, not a setting of their own.
	Origins []string `yaml:"-"`
}

// Default returns the settings for one machine.
func Default() Config {
	return Config{Clients: 1000, Queue: 64, Heartbeat: 15 * time.Second, WriteTimeout: 10 * time.Second}
}

// Validate reports every setting that cannot be used, each wrapping ErrConfig.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: sink.live.%s", ErrConfig, fmt.Sprintf(format, args...)))
		}
	}
	check(1 <= c.Clients && c.Clients <= 1e6, "clients is %d, it must be 1 to 1000000", c.Clients)
	check(1 <= c.Queue && c.Queue <= 1e5, "queue is %d, it must be 1 to 100000", c.Queue)
	check(time.Second <= c.Heartbeat && c.Heartbeat <= 10*time.Minute, "heartbeat is %s, it must be 1s to 10m", c.Heartbeat)
	check(10*time.Millisecond <= c.WriteTimeout && c.WriteTimeout <= 10*time.Minute,
		"write_timeout is %s, it must be 10ms to 10m", c.WriteTimeout)
	for _, origin := range c.Origins {
		_, err := path.Match(origin, "")
		check(err == nil, "origins has %q, which is no pattern", origin)
	}
	return errors.Join(errs...)
}
