package rtpclock_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/valence-live/valence/ingest"
)

// after returns what was given out for media captured later than d.
func after(d time.Duration, track []given) []given {
	return track[slices.IndexFunc(track, func(g given) bool { return g.captured >= d }):]
}

func worst(track []given) (bound time.Duration) {
	for _, g := range track {
		bound = max(bound, g.bound)
	}
	return bound
}

func TestAudioAndVideoStayWithinTheStatedBoundForHalfAnHour(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(c *call){
		"sender reports at Chrome's times": func(*call) {},
		"audio device drifts against the sender's clock": func(c *call) {
			c.audio.drift = -150e-6
		},
		"sender counts from zero":   func(c *call) { c.ntp = 1 },
		"sender is a century early": func(c *call) { c.ntp = 0 },
		"much jitter and loss": func(c *call) {
			c.jitter, c.loss = 200*time.Millisecond, .2
		},
		"abs-capture-time": func(c *call) {
			c.audio.capture, c.video.capture = true, true
		},
		"abs-capture-time without reports": func(c *call) {
			c.audio.capture, c.video.capture = true, true
			c.audio.reports, c.video.reports = nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := typical()
			c.length = 30 * time.Minute
			change(&c)
			audio, video := c.check(t)
			settled := 60 * time.Second
			a, v := after(settled, audio), after(settled, video)
			errs, _, _ := misalignment(v, a, false)
			t.Logf("settled: bound at most %s audio, %s video; apart at most %s", worst(a), worst(v), slices.Max(errs))
			assert.LessOrEqual(t, worst(a), 10*time.Millisecond)
			assert.LessOrEqual(t, worst(v), 10*time.Millisecond)
		})
	}
}

func TestASenderWithoutReportsIsPlacedByArrivalAndSaysSo(t *testing.T) {
	c := typical()
	c.length = 30 * time.Minute
	c.audio.reports, c.video.reports = nil, nil
	audio, video := c.check(t)
	for _, g := range slices.Concat(audio, video) {
		assert.Equal(t, ingest.ClockArrival, g.source)
	}
	errs, _, _ := misalignment(video, audio, false)
	t.Logf("bound %s at first, %s in the end; apart at most %s", audio[0].bound, audio[len(audio)-1].bound, slices.Max(errs))
	assert.LessOrEqual(t, worst(after(time.Minute, audio)), 200*time.Millisecond)
	assert.GreaterOrEqual(t, worst(after(time.Minute, audio)), 100*time.Millisecond, "the difference of the devices cannot be seen")
}

func TestABoundHoldsWhileOnlyOneOfTheTracksHadAReport(t *testing.T) {
	c := typical()
	c.length = 12 * time.Second
	audio, video := c.check(t)
	reported := func(track []given) time.Duration {
		return track[slices.IndexFunc(track, func(g given) bool { return g.source == ingest.ClockSenderReport })].captured
	}
	first, both := reported(video), reported(audio)
	assert.InDelta(t, 1.3, first.Seconds(), .2)
	assert.InDelta(t, 2.4, both.Seconds(), .2)
	for _, g := range slices.Concat(audio, video) {
		if g.captured > 800*time.Millisecond && g.captured < both-50*time.Millisecond {
			assert.GreaterOrEqual(t, g.bound, 100*time.Millisecond, "the other one is placed by arrival, at %s", g.captured)
		}
	}
	assert.Less(t, worst(after(both+4*time.Second, video)), 25*time.Millisecond)
}
