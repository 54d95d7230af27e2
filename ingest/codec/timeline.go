package codec

import "time"

// Limits on the time stamps of a file.
const (
	// MaxGap is the longest hole that is believed. A leap of the time stamps
	// beyond it becomes a hole of this length, a leap back none.
	MaxGap = time.Hour
	// MaxDuration is where a file must have ended.
	MaxDuration = 24 * time.Hour
)

// timeline turns the time stamps of one stream into times that never run
// backwards and never leap by more than MaxGap.
type timeline struct {
	// tolerance is how far a stamp may be from where the previous frame ended
	// and still continue it.
	tolerance time.Duration
	next      time.Duration // where the previous frame ended
	shift     time.Duration // added to stamps, after a leap
}

// place says where a frame with this stamp begins, and how long the hole before
// it is: 0 if it continues the previous frame within the tolerance. ok is false
// for a frame that repeats time already given out and must be dropped.
func (t *timeline) place(stamp time.Duration) (at, hole time.Duration, ok bool) {
	const far = 1000 * MaxDuration // keeps the sums below from overflowing
	at = min(max(stamp, -far), far) + t.shift
	switch leap := at - t.next; {
	case leap > MaxGap:
		t.shift += MaxGap - leap
		return t.next + MaxGap, MaxGap, true
	case leap > t.tolerance:
		return at, leap, true
	case leap >= -t.tolerance:
		return max(at, 0), 0, true // some encoders begin a little before the zero
	case leap > -maxOverlap:
		return t.next, 0, false
	default:
		t.shift -= leap
		return t.next, 0, true
	}
}

// maxOverlap is how much of a stream may come twice; a longer step back is a
// clock that was set anew.
const maxOverlap = 2 * time.Second
