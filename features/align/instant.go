package align

import "time"

// Bounds of what is believed. Beyond them a time stamp is wrong, or memory
// would have no limit.
const (
	// maxAhead is how far beyond the newest known time a unit may begin.
	maxAhead = time.Minute
	// maxBehind is how far a track may trail the foremost one and still be
	// waited for.
	maxBehind = 2 * time.Minute
	// maxUnit is how long one segment may last.
	maxUnit = 10 * time.Minute
	// maxUnix keeps times inside what 64 bits of nanoseconds hold (1684 to 2255).
	maxUnix = 9_000_000_000
)

// believable reports whether [start, end) can be an interval of a stream.
func believable(start, end time.Time) bool {
	return representable(start) && representable(end) && start.Before(end) && end.Sub(start) <= maxUnit
}

func representable(t time.Time) bool { return -maxUnix <= t.Unix() && t.Unix() <= maxUnix }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// gridFloor returns the newest Unix multiple of step that is not after t.
func gridFloor(t time.Time, step time.Duration) time.Time {
	n := t.UnixNano()
	rest := n % int64(step)
	if rest < 0 {
		rest += int64(step)
	}
	return time.Unix(0, n-rest).UTC()
}

// gridCeil returns the oldest Unix multiple of step that is not before t.
func gridCeil(t time.Time, step time.Duration) time.Time {
	floor := gridFloor(t, step)
	if floor.Before(t) {
		return floor.Add(step)
	}
	return floor
}
