package rtpclock

import "time"

const (
	// farOff is how far the RTP time of a report may be from that of the packets:
	// some senders write a time stamp there that has nothing to do with them.
	farOff = 10 * second
	// misfit is how far off its line a report may be and still belong to it.
	misfit = 20 * millisecond
	// smallStep is how much a sender's clock may be set without being said to
	// have been set anew: reports this close are believed as they are.
	smallStep = second / 4
	// early and tardy are how much sooner and later than the sender's fastest
	// packets those of a track may arrive by its first report.
	early = second / 2
	tardy = 5 * second
)

// Report takes in a sender report that arrived: its NTP and RTP time stamps.
func (t *Track) Report(ntp uint64, rtp uint32, arrival time.Time) {
	if ntp == 0 || !t.begun { // RFC 3550, 6.4.1: no clock
		return
	}
	at := t.sender.arrival(arrival)
	x := t.media(unwrap(t.newest, rtp))
	if abs(x-t.media(t.newest)-(at-t.arrived)) > farOff {
		return
	}
	n := t.learn(reports, ntp, x)
	if t.mode == byReport {
		// Reports do not wait for an encoder: they show the way better than packets.
		c := &t.sender.clocks[reports]
		c.sample(at, n)
	}
}

// Captured takes in the abs-capture-time of a packet that Arrived.
func (t *Track) Captured(ntp uint64, rtp uint32) {
	if !t.begun {
		return
	}
	t.learn(captures, ntp, t.media(unwrap(t.newest, rtp)))
}

// learn takes in that the sender's clock of kind k showed ntp at the media time
// x, and returns that time.
func (t *Track) learn(k kind, ntp uint64, x int64) int64 {
	c, l := &t.sender.clocks[k], &t.lines[k]
	n := c.read(ntp)
	t.change(func() {
		if !l.known() {
			t.begin(k, n, x)
		} else if off := n - t.epoch[k].shift - x - l.at(x); abs(off) > max(misfit, l.doubt(x)) {
			t.astray(k, off, x)
		}
		l.add(x, n-t.epoch[k].shift-x)
		if m := byReport + mode(k); m > t.mode {
			t.mode = m
		}
		c.offer(t.arrived, t.own.floor-l.at(x))
	})
	return n - t.epoch[k].shift
}

// begin chooses the epoch of a track's first report. Where the track would then
// arrive at an impossible time, the sender's clock has been set since the other
// tracks had their reports.
func (t *Track) begin(k kind, n, x int64) {
	c := &t.sender.clocks[k]
	t.epoch[k] = c.epoch()
	if !c.set {
		return
	}
	if late := t.own.floor - (n - t.epoch[k].shift - x) - c.floor; late < -early || late > tardy {
		t.epoch[k] = c.stepped(t.epoch[k].shift - late)
	}
}

// astray judges a report that does not fit the line. If packets still arrive as
// the line has it, the sender's clock was set: times go on from the line. If
// they arrive as the report has it, the RTP clock jumped, and the report is right.
func (t *Track) astray(k kind, off, x int64) {
	c, l := &t.sender.clocks[k], &t.lines[k]
	y := l.at(x)
	byLine := abs(t.own.recent() - y - c.floor)
	byReport := abs(t.own.recent() - (y + off) - c.floor)
	if abs(off) >= smallStep && byLine < byReport {
		t.epoch[k] = c.stepped(t.epoch[k].shift + off)
	} else {
		t.suspicion = suspicion{abs(off), x}
	}
	*l = line{}
}
