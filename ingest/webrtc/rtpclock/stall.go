package rtpclock

const (
	// backwards and ahead are jumps of RTP time, against arrival, that no network
	// makes: media is not captured before what came before it, but for the order
	// of B-frames, and does not arrive before it was captured.
	backwards = second
	ahead     = second
	// stalled is how long packets must be overdue to be suspected of having
	// stopped, RTP clock and all, rather than been held up; persistent is how
	// long they must then stay overdue: a queue drains in that time.
	stalled    = 2 * second
	persistent = second / 2
)

// stall is a jump of arrival against RTP time that has yet to be explained.
type stall struct {
	on    bool
	since int64 // arrival
	least int64 // arrival - media time since then
}

// broken takes in by how much media time advanced to the packet that arrived at
// the given time, and reports whether the RTP clock jumped.
func (t *Track) broken(advanced, at int64) bool {
	passed := at - t.arrived
	d := at - t.media(t.newest) - advanced
	if advanced < -backwards || advanced-passed > ahead && d < t.own.floor-ahead {
		return true
	}
	if passed-advanced > stalled && !t.stall.on {
		t.stall = stall{true, at, d}
	}
	if !t.stall.on {
		return false
	}
	t.stall.least = min(t.stall.least, d)
	if t.stall.least < t.own.floor+stalled {
		t.stall.on = false
	}
	return t.stall.on && at-t.stall.since >= persistent
}

// past is where a track was when its RTP clock jumped, for packets that are
// overtaken by the jump.
type past struct {
	known    bool
	x, given int64
}

// at returns the time for a media time that is near the one of then.
func (p past) at(x int64) (int64, bool) {
	return p.given + x - p.x, p.known && abs(x-p.x) < backwards
}
