package ingest

import "time"

// ClockSource is where a capture time comes from.
type ClockSource string

// The sources of capture times, as events name them.
const (
	ClockContainer      ClockSource = "container"        // the time stamps of a file
	ClockRecord         ClockSource = "record"           // the time stamp of a record in a log
	ClockSenderReport   ClockSource = "rtcp_sr"          // RTP time mapped to NTP (RFC 3550, 6.4.1)
	ClockAbsCaptureTime ClockSource = "abs_capture_time" // the RTP header extension
	ClockArrival        ClockSource = "arrival"          // an estimate, before any of the others came
)

// Clock says how well a capture time is known.
type Clock struct {
	Source ClockSource
	// ErrorBound is the largest error of Time against the other tracks of the
	// participant.
	ErrorBound time.Duration
}

// Worse returns the one of two clocks with the larger error bound. A window is
// only as well timed as its worst track.
func (c Clock) Worse(d Clock) Clock {
	if c.Source == "" || d.Source != "" && d.ErrorBound > c.ErrorBound {
		return d
	}
	return c
}
