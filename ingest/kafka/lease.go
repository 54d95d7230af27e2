package kafka

import (
	"sync/atomic"
	"time"
)

// lease is until when the group cannot have given our partitions away: one
// session timeout after the newest heartbeat that it has answered was sent. It
// goes by the monotonic clock, which runs on while a process is frozen.
type lease struct {
	session time.Duration
	start   time.Time
	until   atomic.Int64 // nanoseconds after start
}

func newLease(session time.Duration) *lease { return &lease{session: session, start: time.Now()} }

func (l *lease) renew(asked time.Time) { l.until.Store(int64(asked.Sub(l.start) + l.session)) }

func (l *lease) end() { l.until.Store(0) }

func (l *lease) held(now time.Time) bool { return int64(now.Sub(l.start)) < l.until.Load() }
