package rtpclock_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/rtpclock"
)

// lateness returns the largest difference of the time given and the time of
// capture, from one time to another.
func lateness(track []given, from, to time.Duration) (most time.Duration) {
	for _, g := range track {
		if g.captured >= from && g.captured < to {
			most = max(most, (g.time - g.captured).Abs())
		}
	}
	return most
}

func TestATrackWhoseClockStoodStillDuringAPauseCatchesUp(t *testing.T) {
	for name, reports := range map[string]bool{"with reports": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			c := typical()
			c.length = 2 * time.Minute
			c.audio.pauseFrom, c.audio.pauseTo = 20*time.Second, 80*time.Second
			c.audio.anew = c.audio.pauseTo
			ticks := 60.001 * 48000
			c.audio.jump = -uint32(ticks)
			if !reports {
				c.audio.reports, c.video.reports = nil, nil
			}
			audio, _ := c.check(t)
			assert.Less(t, lateness(audio, 81*time.Second, c.length), 250*time.Millisecond, "it is not 60 s late for ever")
			assert.Less(t, lateness(audio, 0, 20*time.Second), 250*time.Millisecond)
		})
	}
}

func TestAPauseInWhichTheClockRunsIsOnlyAPause(t *testing.T) {
	c := typical()
	c.length = 2 * time.Minute
	c.video.pauseFrom, c.video.pauseTo = 20*time.Second, 80*time.Second
	_, video := c.check(t)
	assert.Less(t, lateness(video, 80*time.Second, c.length), 250*time.Millisecond)
	assert.Less(t, worst(after(82*time.Second, video)), 10*time.Millisecond)
}

func TestPacketsThatAreHeldUpKeepTheirTimes(t *testing.T) {
	for name, reports := range map[string]bool{"with reports": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			c := typical()
			c.stallFrom, c.stallTo = 20*time.Second, 24*time.Second
			if !reports {
				c.audio.reports, c.video.reports = nil, nil
			}
			audio, video := c.check(t)
			assert.Less(t, lateness(audio, 0, c.length), 250*time.Millisecond)
			assert.Less(t, lateness(video, 0, c.length), 250*time.Millisecond)
			for _, g := range after(10*time.Second, audio) {
				require.Equal(t, reports, g.source == ingest.ClockSenderReport, "the stream goes on, at %s", g.captured)
			}
		})
	}
}

func TestTracksAreAlignedExactlyAgainAfterTheirSendersClockWasSet(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour, 500 * time.Millisecond, -500 * time.Millisecond, 100 * time.Millisecond} {
		c := typical()
		c.length = 2 * time.Minute
		c.steps = map[time.Duration]time.Duration{31 * time.Second: step}
		audio, video := c.check(t)
		assert.Less(t, lateness(audio, 0, c.length), 250*time.Millisecond, "by %s", step)
		assert.Less(t, max(worst(after(90*time.Second, audio)), worst(after(90*time.Second, video))), 10*time.Millisecond, "by %s", step)
	}
}

func TestTimeKeepsUpWithASlowSender(t *testing.T) {
	for name, reports := range map[string]bool{"with reports": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			c := typical()
			c.length, c.drift = 20*time.Minute, -400e-6 // half a second in all
			if !reports {
				c.audio.reports, c.video.reports = nil, nil
			}
			audio, video := c.check(t)
			assert.Less(t, lateness(audio, 0, c.length), 150*time.Millisecond)
			assert.Less(t, lateness(video, 0, c.length), 150*time.Millisecond)
		})
	}
}

func TestANewStreamOfATrackIsPlacedAtOnceAndMeasuredAnew(t *testing.T) {
	c := typical()
	c.video.anew, c.video.jump, c.video.ssrc = 30*time.Second, 0x7654_3210, true
	_, video := c.check(t)
	first := after(30*time.Second, video)[0]
	assert.Equal(t, ingest.ClockArrival, first.source)
	assert.GreaterOrEqual(t, first.bound, 100*time.Millisecond)
	assert.Less(t, (first.time - first.captured).Abs(), 100*time.Millisecond, "the way of the stream before is a good guess")
	assert.Less(t, worst(after(40*time.Second, video)), 20*time.Millisecond)
}

func TestReportsThatMakeNoSenseDoNoHarm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, report := range map[string]func(at time.Duration, rtp uint32) (uint64, uint32){
		"no NTP time":           func(_ time.Duration, rtp uint32) (uint64, uint32) { return 0, rtp },
		"NTP time stands still": func(_ time.Duration, rtp uint32) (uint64, uint32) { return 1 << 60, rtp },
		"NTP time is random":    func(_ time.Duration, rtp uint32) (uint64, uint32) { return rng.Uint64(), rtp },
		"RTP time is another one": func(at time.Duration, rtp uint32) (uint64, uint32) {
			return uint64(at.Seconds() * (1 << 32)), rtp ^ 0x1234_5678
		},
		"RTP time is zero": func(at time.Duration, _ uint32) (uint64, uint32) { return uint64(at.Seconds() * (1 << 32)), 0 },
		"both are random":  func(time.Duration, uint32) (uint64, uint32) { return rng.Uint64(), rng.Uint32() },
	} {
		t.Run(name, func(t *testing.T) {
			var s rtpclock.Sender
			track := s.NewTrack(48000)
			last := time.Time{}
			for at := time.Duration(0); at < time.Minute; at += 20 * time.Millisecond {
				rtp := 1<<31 + uint32(at*48/time.Millisecond)
				arrival := origin.Add(at + time.Duration(rng.IntN(30))*time.Millisecond)
				track.Arrived(rtp, arrival)
				if at%time.Second == 0 {
					ntp, r := report(at, rtp)
					track.Report(ntp, r, arrival)
				}
				got, _ := track.Time(rtp)
				require.False(t, got.Before(last))
				require.InDelta(t, at.Seconds(), got.Sub(origin).Seconds(), .1)
				last = got
			}
		})
	}
}

func TestSendersClocksAreReadAcrossEras(t *testing.T) {
	ntp, ok := rtpclock.ParseAbsCaptureTime([]byte{0xec, 0xf0, 0, 0, 0x80, 0, 0, 0})
	assert.True(t, ok)
	assert.Equal(t, uint64(0xecf0_0000_8000_0000), ntp)
	ntp, ok = rtpclock.ParseAbsCaptureTime([]byte{0, 0, 0, 1, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9})
	assert.True(t, ok)
	assert.Equal(t, uint64(1)<<32, ntp, "the offset is left out")
	for _, bad := range [][]byte{nil, {}, make([]byte, 7), make([]byte, 8), make([]byte, 12), make([]byte, 17)} {
		_, ok := rtpclock.ParseAbsCaptureTime(bad)
		assert.False(t, ok)
	}

	c := typical()
	c.ntp = 0xffff_fff0_0000_0000 // the era ends in 16 s
	c.check(t)
	c.audio.rtp, c.video.rtp = 0xffff_ff00, 0x7fff_ff00
	c.check(t)
}
