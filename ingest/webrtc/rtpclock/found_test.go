package rtpclock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/rtpclock"
)

// At the beginning all packets of a track may be late: there is nothing yet to
// which they could be compared.
func TestTheBoundHoldsForATrackThatBeginsLate(t *testing.T) {
	for _, reports := range []bool{true, false} {
		c := typical()
		c.audio.hurried, c.video.start = time.Second, 0
		c.audio.delay, c.video.delay = 100*time.Millisecond, 0
		if !reports {
			c.audio.reports, c.video.reports = nil, nil
		}
		audio, _ := c.check(t)
		assert.Less(t, lateness(audio, 8*time.Second, c.length), 200*time.Millisecond)
	}
}

// A report may overtake the packets with which the RTP clock jumps.
func TestAReportAboutWhatHasNotComeYetMovesNothing(t *testing.T) {
	var s rtpclock.Sender
	audio, video := s.NewTrack(48000), s.NewTrack(90000)
	ntp := func(at time.Duration) uint64 { return 1<<40 + uint64(at.Seconds()*(1<<32)) }
	const jumped, jump = 10 * time.Second, 2500 * time.Millisecond
	for at := time.Duration(0); at < 20*time.Second; at += 20 * time.Millisecond {
		captured, now := at, origin.Add(at)
		if at >= jumped {
			captured += jump
		}
		reported := at
		if at >= jumped-20*time.Millisecond {
			reported += jump
		}
		a, v := uint32(at*48/time.Millisecond), uint32(captured*90/time.Millisecond)
		audio.Arrived(a, now)
		video.Arrived(v, now)
		if at%time.Second == 980*time.Millisecond {
			audio.Report(ntp(at), a, now)
			video.Report(ntp(at), uint32(reported*90/time.Millisecond), now)
		}
		for _, track := range []*rtpclock.Track{audio, video} {
			rtp := a
			if track == video {
				rtp = v
			}
			got, clock := track.Time(rtp)
			require.InDelta(t, at.Seconds(), got.Sub(origin).Seconds(), .002, "at %s by %s", at, clock.Source)
			if at > 12*time.Second {
				assert.Equal(t, ingest.ClockSenderReport, clock.Source)
			}
		}
	}
}
