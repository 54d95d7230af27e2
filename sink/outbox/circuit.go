package outbox

import "time"

// state is whether a sink takes events.
type state int64

// The states. The numbers are those of the metric.
const (
	closed   state = 0 // it does
	halfOpen state = 1 // it is being tried, with one event
	open     state = 2 // it is in trouble and left alone for a while
)

// circuit keeps a sink in trouble from being asked all the time. It is pure: it
// is told what time it is.
type circuit struct {
	min, max time.Duration

	state state
	wait  time.Duration
	until time.Time // while open: when to try again
	since time.Time // of the first failure
}

// fail records that the sink failed, and reports whether that is new.
func (c *circuit) fail(now time.Time) bool {
	fresh := c.state == closed
	if fresh {
		c.since, c.wait = now, c.min
	} else {
		c.wait = min(2*c.wait, c.max)
	}
	c.state, c.until = open, now.Add(c.wait)
	return fresh
}

// succeed records that the sink took something, and returns how long it had not;
// 0 if there was no trouble.
func (c *circuit) succeed(now time.Time) time.Duration {
	if c.state == closed {
		return 0
	}
	c.state = closed
	return max(now.Sub(c.since), 1)
}

// ready returns how many items may be tried now, of n, or how long to wait.
func (c *circuit) ready(now time.Time, n int) (int, time.Duration) {
	if c.state == closed {
		return n, 0
	}
	if wait := c.until.Sub(now); wait > 0 {
		return 0, wait
	}
	c.state = halfOpen
	return 1, 0
}
