package rtpclock

import (
	"encoding/binary"
	"time"
)

// Times are nanoseconds from an origin that is told by their name: arrivals from
// the Sender's first, sender times from the first NTP time that was seen, media
// times (RTP in nanoseconds) from an RTP time stamp of 0.
const (
	millisecond = int64(time.Millisecond)
	second      = int64(time.Second)
)

// unwrap returns the 64-bit time stamp that is nearest to near among those that
// end with the 32 bits of rtp (RFC 3550, 5.1: they wrap around).
func unwrap(near int64, rtp uint32) int64 {
	return near + int64(int32(rtp-uint32(near))) //nolint:gosec // modulo 2^32 is what is meant
}

// nanoseconds converts ticks of a clock with the given rate, without overflow.
func nanoseconds(ticks, rate int64) int64 {
	return ticks/rate*second + ticks%rate*second/rate
}

// sinceNTP returns the time from one NTP time (UQ32.32 seconds) to another. The
// difference of the two is right across the end of NTP's era in 2036 and for
// senders that count from 0.
func sinceNTP(from, to uint64) int64 {
	d := int64(to - from) //nolint:gosec // modulo 2^64 is what is meant
	return d>>32*second + (d&0xffffffff*second)>>32
}

// ParseAbsCaptureTime reads the payload of the header extension
// http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time: the NTP time of
// capture, on the clock of the one who captured. What may follow, an estimate of
// that clock's offset to the sender's, is not used: the tracks of a participant
// are compared on the clock of capture, and an estimate would only add its noise.
func ParseAbsCaptureTime(payload []byte) (ntp uint64, ok bool) {
	if len(payload) != 8 && len(payload) != 16 {
		return 0, false
	}
	ntp = binary.BigEndian.Uint64(payload)
	return ntp, ntp != 0
}

func abs(d int64) int64 {
	if d < 0 {
		return -d
	}
	return d
}

// toward moves from towards to by at most step.
func toward(from, to, step int64) int64 {
	return from + min(max(to-from, -step), step)
}
