// Package rolling keeps the time-decayed score of a call and of each person in
// it.
//
// A final window counts with the weight
//
//	w = seconds x coverage x certainty
//
// where seconds is the time it stands for (a sliding window: the hop; an
// utterance: its length), coverage the mean coverage of its streams, weighted
// as the score weighs them, and certainty 1/(1+(b/Scale)^2) with b the scale of
// a Laplace error that has the window's interval: b = h / ln(1/(1-level)), h the
// longer side of the interval, since the shorter one may be clipped at the end
// of the range. After a time t a window counts w x 2^(-t/HalfLife). The value is
//
//	sum(w x score) / (sum(w) + Prior)
//
// so that little evidence says little: the value starts at 0 and returns to it
// while nothing is heard. sum(w) is the mass: seconds of fully certain, fully
// covered, fresh windows.
//
// The value of an event counts the windows that end no later than its own, in
// the order of sink.Compare: a pure function of the set of events known, the
// same to the bit in whatever order they came. A window may be corrected while
// it is newer than Keep; what is older is folded into two numbers, and a late
// window from there is refused.
//
// Where the order of sink.Compare over all participants matters to the reader,
// as it does in a replay, the caller sees to it: an event cannot count what
// comes after it.
package rolling

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/sink"
)

// ErrConfig says that a setting cannot be used.
var ErrConfig = errors.New("unusable rolling setting")

// Config says what the rolling score counts, and for how long.
type Config struct {
	// HalfLife is the event time after which a window counts half: 20 s, some
	// four sentences.
	HalfLife time.Duration `yaml:"half_life"`
	// Kind is the kind of window that counts: sliding, or utterance where the
	// input is a transcript alone.
	Kind features.Kind `yaml:"-"`
	// Hop is the time that one sliding window stands for: the hop of the
	// alignment.
	Hop time.Duration `yaml:"-"`
	// Prior is the mass in favour of 0, in seconds.
	Prior float64 `yaml:"prior"`
	// Scale is the error scale b, of the score in [-1, 1], at which a window
	// counts half: 0.25, about that of a sentence.
	Scale float64 `yaml:"scale"`
	// Listeners lets people who only listen, whose face alone was scored, enter
	// the session's value. Their own value they always enter.
	Listeners bool `yaml:"listeners"`
	// Keep is how long a window may still be corrected: the aligner's 30 s, with
	// room for what comes out of order.
	Keep time.Duration `yaml:"keep"`
}

// Default is a Config for sliding windows with a hop of a second.
func Default() Config {
	return Config{
		HalfLife: 20 * time.Second, Kind: features.Sliding, Hop: time.Second,
		Prior: 2, Scale: 0.25, Keep: time.Minute,
	}
}

// Validate returns all that is wrong with the settings, each wrapping ErrConfig.
func (c Config) Validate() error {
	var errs []error
	positive := func(name string, ok bool, value any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: %s is %v, it must be more than 0", ErrConfig, name, value))
		}
	}
	positive("half_life", c.HalfLife > 0, c.HalfLife)
	positive("hop", c.Hop > 0, c.Hop)
	positive("prior", c.Prior > 0 && !math.IsInf(c.Prior, 0), c.Prior)
	positive("scale", c.Scale > 0 && !math.IsInf(c.Scale, 0), c.Scale)
	positive("keep", c.Keep > 0, c.Keep)
	if c.Kind != features.Sliding && c.Kind != features.Utterance {
		errs = append(errs, fmt.Errorf("%w: kind is %q, use sliding or utterance", ErrConfig, c.Kind))
	}
	return errors.Join(errs...)
}

// Weight is how much an event counts at the end of its window: 0 for one
// without a usable interval.
func (c Config) Weight(e *sink.Event) float64 {
	level := float64(e.Interval.Level)
	if !(level > 0 && level < 1) {
		return 0
	}
	seconds := c.Hop.Seconds()
	if e.Window.Kind == features.Utterance {
		seconds = e.Window.End.Sub(e.Window.Start).Seconds()
	}
	var coverage float64
	for _, m := range e.Modalities.All() {
		if m.Present && m.Weight != nil {
			coverage += float64(*m.Weight * m.Coverage)
		}
	}
	side := max(float64(e.Interval.High-e.Score), float64(e.Score-e.Interval.Low), 0)
	b := side / -math.Log1p(-level) / c.Scale
	return max(seconds*coverage/(1+b*b), 0)
}

// listens reports whether the event knows its participant by the face alone.
func listens(e *sink.Event) bool {
	m := &e.Modalities
	return m.Video.Present && !m.Text.Present && !m.Audio.Present
}
