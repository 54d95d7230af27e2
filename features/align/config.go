package align

import (
	"errors"
	"fmt"
	"time"

	"github.com/valence-live/valence/ingest"
)

// ErrConfig says that an alignment setting cannot be used.
var ErrConfig = errors.New("unusable alignment setting")

// Config says what a window is, how long it waits, and what it must hold.
type Config struct {
	// Window is the length of a sliding window. 8 s hold two or three sentences: shorter ones often have no words, longer
	// ones mix opposite sentiments. A model refuses windows longer than those that it was trained on.
	Window time.Duration `yaml:"window"`
	// Hop is the time from one sliding window to the next. Ends are multiples of it since 1970, so that the windows of all
	// participants coincide.
	Hop time.Duration `yaml:"hop"`
	// Lateness is how much older than the newest a unit of a track may be and still enter every final window. 2 s cover a
	// jitter buffer and a streaming recogniser; final scores come this much later.
	Lateness time.Duration `yaml:"lateness"`
	// Idle is how long a track may stand still before windows stop waiting for it. It is longer than a pause between
	// sentences, shorter than a listener's patience.
	Idle time.Duration `yaml:"idle"`
	// Correction is how long after its end a window is scored again for late words. 0 never corrects.
	Correction time.Duration `yaml:"correction"`
	// Context is how long before a window what was said is heard as its context: who was content a moment ago is likely to
	// be so still. 0 scores each window by itself. A model refuses more than it was trained on.
	Context time.Duration `yaml:"context"`
	// Provisional also hands out each window as soon as the active tracks reach its end. It costs a second inference for
	// every window and is worth it only where somebody watches live.
	Provisional bool `yaml:"provisional"`
	// MinText is how many tokens make the text of a window present.
	MinText int `yaml:"min_text"`
	// MinAudio is how many steps with speech make its audio present: 3 are 0.3 s, a syllable. Less is a click or a breath.
	MinAudio int `yaml:"min_audio"`
	// MinVideo is how many steps with a face make its video present: 2 are 0.4 s. One alone may be a false detection.
	MinVideo int `yaml:"min_video"`

	// Limits are those of the model. They come from its bundle, not from the operator.
	Limits Limits `yaml:"-"`
}

// Limits is what a model can read.
type Limits struct {
	// Window is the longest window.
	Window time.Duration
	// Context is the longest that is heard before a window.
	Context time.Duration
	// Len is how many vectors of each modality a window may hold.
	Len [ingest.NumModalities]int
}

// Default returns the settings of a replay, with the limits of the tensor
// contract: 64 tokens, 12.8 s at 10 and at 5 Hz, 30 s of context.
func Default() Config {
	return Config{
		Window:     8 * time.Second,
		Hop:        time.Second,
		Lateness:   2 * time.Second,
		Idle:       3 * time.Second,
		Correction: 30 * time.Second,
		Context:    30 * time.Second,
		MinText:    1,
		MinAudio:   3,
		MinVideo:   2,
		Limits: Limits{
			Window:  12800 * time.Millisecond,
			Context: 30 * time.Second,
			Len:     [ingest.NumModalities]int{ingest.Text: 64, ingest.Audio: 128, ingest.Video: 64},
		},
	}
}

// enough returns how many vectors make a modality present.
func (c Config) enough(m ingest.Modality) int {
	return [ingest.NumModalities]int{ingest.Text: c.MinText, ingest.Audio: c.MinAudio, ingest.Video: c.MinVideo}[m]
}

// Validate reports every setting that cannot be used, each wrapping ErrConfig.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: align.%s", ErrConfig, fmt.Sprintf(format, args...)))
		}
	}
	within := func(key string, d, low, high time.Duration) {
		check(low <= d && d <= high, "%s is %s, it must be %s to %s", key, d, low, high)
	}
	check(c.Limits.Window > 0, "window cannot be checked: the model has no longest window")
	check(c.Window <= c.Limits.Window, "window is %s, the model reads at most %s", c.Window, c.Limits.Window)
	within("hop", c.Hop, 100*time.Millisecond, time.Minute)
	check(c.Hop%time.Millisecond == 0, "hop is %s, it must be whole milliseconds", c.Hop)
	check(c.Window >= c.Hop, "window is %s, it must be at least as long as hop (%s)", c.Window, c.Hop)
	within("lateness", c.Lateness, 0, time.Minute)
	within("idle", c.Idle, 100*time.Millisecond, time.Minute)
	within("correction", c.Correction, 0, time.Minute)
	check(c.Context >= 0, "context is %s, it must not be below 0", c.Context)
	check(c.Context <= c.Limits.Context, "context is %s, the model hears at most %s", c.Context, c.Limits.Context)
	for _, m := range ingest.Modalities() {
		check(1 <= c.enough(m) && c.enough(m) <= c.Limits.Len[m], "min_%s is %d, it must be 1 to %d", m, c.enough(m), c.Limits.Len[m])
	}
	return errors.Join(errs...)
}
