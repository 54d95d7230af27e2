package receive

import (
	"errors"
	"fmt"
	"time"
)

// ErrConfig says that a setting of the receiver cannot be used.
var ErrConfig = errors.New("unusable receiver setting")

// Config says how long a receiver waits for what is late, and how much it makes up.
type Config struct {
	// AudioDelay is how long sound waits for a packet that is missing. 60 ms are three packets: enough for one that was
	// overtaken, or asked for again over a short way. Sound that is made up for 20 ms is hardly worse, so it is not worth
	// more.
	AudioDelay time.Duration `yaml:"audio_delay"`
	// VideoDelay is how long pictures wait for a packet that is missing. 150 ms let one round trip across an ocean ask for
	// it again. It is worth that much, since without it there is no picture until the next key frame.
	VideoDelay time.Duration `yaml:"video_delay"`
	// Conceal is how much lost sound is made up at a time; the rest of a hole is said to be lost. The likely sound of more
	// than 120 ms, a syllable, is no longer what was said.
	Conceal time.Duration `yaml:"conceal"`
}

// Default returns the settings for calls over the internet.
func Default() Config {
	return Config{
		AudioDelay: 60 * time.Millisecond,
		VideoDelay: 150 * time.Millisecond,
		Conceal:    120 * time.Millisecond,
	}
}

// Validate reports every setting that cannot be used, each wrapping ErrConfig.
func (c Config) Validate() error {
	var errs []error
	within := func(key string, d, high time.Duration) {
		if d < 0 || d > high {
			errs = append(errs, fmt.Errorf("%w: ingest.webrtc.receive.%s is %s, it must be 0 to %s", ErrConfig, key, d, high))
		}
	}
	within("audio_delay", c.AudioDelay, time.Second)
	within("video_delay", c.VideoDelay, time.Second)
	within("conceal", c.Conceal, time.Second)
	return errors.Join(errs...)
}
