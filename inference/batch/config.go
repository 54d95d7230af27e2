package batch

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// ErrConfig says that a batching setting cannot be used.
var ErrConfig = errors.New("unusable batch setting")

// Config says how windows are gathered into batches. The words are those of
// Triton's dynamic batcher.
type Config struct {
	// MaxSize is the largest batch. 1 scores each window alone as it comes: on a CPU a batch gains nothing, and changes
	// the last bits of a score. On a GPU it is everything.
	MaxSize int `yaml:"max_size"`
	// MaxDelay is how long the first window of a batch waits for others. It has no effect where MaxSize is 1.
	MaxDelay time.Duration `yaml:"max_delay"`
	// Deadline is how long a window may wait until its batch starts; then it fails instead. 0 waits for ever, as a
	// replay must.
	Deadline time.Duration `yaml:"deadline"`
	// Workers is how many batches run at once; 0 takes one for each processor.
	Workers int `yaml:"workers"`
}

// Default returns the settings for a CPU.
func Default() Config { return Config{MaxSize: 1, MaxDelay: 5 * time.Millisecond} }

// Validate reports every setting that cannot be used, each wrapping ErrConfig.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: inference.batch.%s", ErrConfig, fmt.Sprintf(format, args...)))
		}
	}
	check(1 <= c.MaxSize && c.MaxSize <= 1024, "max_size is %d, it must be 1 to 1024", c.MaxSize)
	check(0 <= c.MaxDelay && c.MaxDelay <= 10*time.Second, "max_delay is %s, it must be 0 to 10s", c.MaxDelay)
	check(c.Deadline >= 0, "deadline is %s, it must not be negative", c.Deadline)
	check(c.Deadline == 0 || c.MaxSize == 1 || c.Deadline > c.MaxDelay, "deadline is %s, it must be longer than max_delay (%s) or 0", c.Deadline, c.MaxDelay)
	check(0 <= c.Workers && c.Workers <= 1024, "workers is %d, it must be 0 to 1024", c.Workers)
	return errors.Join(errs...)
}

func (c Config) workers() int {
	if c.Workers == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return c.Workers
}
