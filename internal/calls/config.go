package calls

import (
	"errors"
	"fmt"
	"time"

	"github.com/valence-live/valence/ingest"
)

// ErrConfig says that a setting of live calls cannot be used.
var ErrConfig = errors.New("unusable setting of live calls")

// Config bounds the live calls of one process.
type Config struct {
	// Max is how many calls may go on at once. Each costs some megabytes and, a person, 30 to 60 ms of CPU a second.
	Max int `yaml:"max"`
	// MaxParticipants is how many people one call may have.
	MaxParticipants int `yaml:"max_participants"`
	// Idle is how long a call is kept after the last connection has gone: who comes back by then goes on with the same score.
	Idle time.Duration `yaml:"idle"`
	// Purpose is what calls are analysed for unless they say otherwise: general; workplace and education refuse inference from sound and pictures.
	Purpose ingest.Purpose `yaml:"purpose"`
}

// Default returns settings for a machine of a few cores.
func Default() Config {
	return Config{Max: 100, MaxParticipants: 16, Idle: 5 * time.Minute, Purpose: ingest.General}
}

// Validate reports every setting that cannot be used, each wrapping ErrConfig.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: calls.%s", ErrConfig, fmt.Sprintf(format, args...)))
		}
	}
	check(c.Max >= 1, "max is %d, it must be at least 1", c.Max)
	check(c.MaxParticipants >= 1, "max_participants is %d, it must be at least 1", c.MaxParticipants)
	check(time.Second <= c.Idle && c.Idle <= 24*time.Hour, "idle is %s, it must be 1s to 24h", c.Idle)
	_, err := ingest.ParsePurpose(string(c.Purpose))
	check(err == nil, "purpose: %v", err)
	return errors.Join(errs...)
}
