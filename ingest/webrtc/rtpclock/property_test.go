package rtpclock_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func duration(t *rapid.T, label string, low, high time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(int64(low), int64(high)).Draw(t, label))
}

func ppm(t *rapid.T, label string, most float64) float64 {
	return rapid.Float64Range(-most, most).Draw(t, label) * 1e-6
}

func drawMedia(t *rapid.T, name string, rate uint32, every time.Duration, packets int) media {
	m := media{
		rate: rate, every: every, packets: packets,
		start: duration(t, name+" start", 0, 2*time.Second),
		rtp:   rapid.Uint32().Draw(t, name+" rtp"),
		drift: ppm(t, name+" drift", 300),
		delay: duration(t, name+" delay", 0, 100*time.Millisecond),
		noise: duration(t, name+" noise", 0, 3*time.Millisecond),
	}
	if rapid.Bool().Draw(t, name+" reports") {
		m.reports = chrome(duration(t, name+" first", 0, 5*time.Second), duration(t, name+" interval", 300*time.Millisecond, 6*time.Second))
	}
	m.capture = rapid.Bool().Draw(t, name+" capture")
	return m
}

func drawCall(t *rapid.T) call {
	return call{
		seed:   rapid.Uint64().Draw(t, "seed"),
		length: duration(t, "length", 5*time.Second, 90*time.Second),
		ntp:    rapid.Uint64().Draw(t, "ntp"),
		drift:  ppm(t, "drift", 300),
		owd:    duration(t, "owd", 0, time.Second),
		jitter: duration(t, "jitter", 0, 150*time.Millisecond),
		loss:   rapid.Float64Range(0, .3).Draw(t, "loss"),
		audio:  drawMedia(t, "audio", 48000, 20*time.Millisecond, 1),
		video:  drawMedia(t, "video", 90000, time.Second/15, 3),
	}
}

func TestTimeRunsForwardAndWithinItsBoundForEverySender(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { drawCall(t).check(t) })
}

func TestAClockThatIsSetMovesNoTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCall(t)
		c.length += 20 * time.Second
		settled := 12 * time.Second // before its first report a track cannot know
		c.steps = map[time.Duration]time.Duration{
			duration(t, "when", settled, c.length): duration(t, "step", -3*time.Hour, 3*time.Hour),
		}
		if rapid.Bool().Draw(t, "a little") {
			for when := range c.steps {
				c.steps[when] = duration(t, "little step", 30*time.Millisecond, 400*time.Millisecond)
				if rapid.Bool().Draw(t, "back") {
					c.steps[when] *= -1
				}
			}
		}
		c.check(t)
	})
}

func TestAStreamThatBeginsAnewGoesOnInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCall(t)
		c.length += 20 * time.Second
		c.owd = min(c.owd, 200*time.Millisecond)
		for _, m := range []*media{&c.audio, &c.video} {
			m.anew = duration(t, "anew", 6*time.Second, c.length)
			m.jump = rapid.Uint32().Draw(t, "jump")
			m.ssrc = rapid.Bool().Draw(t, "ssrc")
			if by := int32(m.jump); max(by, -by) < 4*90000 {
				m.ssrc = true
			}
		}
		c.check(t)
	})
}
