package outbox

import (
	"errors"
	"fmt"
	"time"
)

// ErrConfig says that a setting of the outbox cannot be used.
var ErrConfig = errors.New("unusable outbox setting")

// Config bounds what waits for a sink, and says how a sink in trouble is
// treated.
type Config struct {
	// Capacity is how many events may wait for each sink. One takes some 1.5 kB.
	Capacity int `yaml:"capacity"`
	// Batch is how many events are handed to a sink at once, where it can take several.
	Batch int `yaml:"batch"`
	// Linger is how long an event may wait for others to travel with.
	Linger time.Duration `yaml:"linger"`
	// Timeout is how long a sink may take for one batch before it counts as failed and is tried again.
	Timeout time.Duration `yaml:"timeout"`
	// RetryMin is how long to wait after a first failure; each further one doubles it.
	RetryMin time.Duration `yaml:"retry_min"`
	// RetryMax is the longest wait before a sink in trouble is tried again.
	RetryMax time.Duration `yaml:"retry_max"`
	// Full says what happens to a final event when finals alone fill the capacity: drop gives up the oldest, for calls that
	// cannot wait; block makes the scoring wait. What is read from Kafka always waits: it can be read later. Provisional events
	// always give way.
	Full Policy `yaml:"full"`
}

// Policy says what a full outbox does.
type Policy string

// The policies.
const (
	Drop  Policy = "drop"  // the oldest gives way, and is counted
	Block Policy = "block" // Publish waits
)

// Default returns settings for live calls: some 100 s of events of 30 people,
// and a sink in trouble is tried about every second.
func Default() Config {
	return Config{
		Capacity: 10_000,
		Batch:    1000,
		Linger:   5 * time.Millisecond,
		Timeout:  10 * time.Second,
		RetryMin: 100 * time.Millisecond,
		RetryMax: 2 * time.Second,
		Full:     Drop,
	}
}

// Validate reports every setting that cannot be used, each wrapping ErrConfig.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: sink.outbox.%s", ErrConfig, fmt.Sprintf(format, args...)))
		}
	}
	check(1 <= c.Capacity && c.Capacity <= 10_000_000, "capacity is %d, it must be 1 to 10000000", c.Capacity)
	check(1 <= c.Batch && c.Batch <= 100_000, "batch is %d, it must be 1 to 100000", c.Batch)
	check(0 <= c.Linger && c.Linger <= time.Second, "linger is %s, it must be 0s to 1s", c.Linger)
	check(10*time.Millisecond <= c.Timeout && c.Timeout <= 10*time.Minute, "timeout is %s, it must be 10ms to 10m", c.Timeout)
	check(time.Millisecond <= c.RetryMin && c.RetryMin <= time.Minute, "retry_min is %s, it must be 1ms to 1m", c.RetryMin)
	check(c.RetryMin <= c.RetryMax && c.RetryMax <= 10*time.Minute, "retry_max is %s, it must be retry_min (%s) to 10m", c.RetryMax, c.RetryMin)
	check(c.Full == Drop || c.Full == Block, "full is %q, it must be drop or block", c.Full)
	return errors.Join(errs...)
}
