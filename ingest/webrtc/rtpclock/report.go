package rtpclock

import "time"

const (
	// slow and prompt bound the RTP time of a report against that of the packets
	// that arrive with it: reports may be held up on the way, and packets may have
	// waited for an encoder. Some senders write something else there altogether.
	slow   = 2 * second
	prompt = 3 * second
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
	if lead := t.own.recent() - (at - x); lead < -slow || lead > prompt {
		return
	}
	if n, ok := t.learn(reports, ntp, x, at); ok && t.mode == byReport {
		// Reports do not wait for an encoder: they show the way better than packets.
		t.sender.clocks[reports].sample(at, n)
	}
}

// Captured takes in the abs-capture-time of a packet that Arrived.
func (t *Track) Captured(ntp uint64, rtp uint32) {
	if t.begun {
		t.learn(captures, ntp, t.media(unwrap(t.newest, rtp)), t.arrived)
	}
}

// learn takes in that the sender's clock of kind k showed ntp at the media time
// x, which arrived at the given time. It returns the sender's time, and whether it
// is believed.
func (t *Track) learn(k kind, ntp uint64, x, at int64) (n int64, believed bool) {
	c, l := &t.sender.clocks[k], &t.lines[k]
	n, believed = c.read(ntp), true
	t.change(func() {
		if !l.known() {
			t.begin(k, n, x)
		} else if off := n - t.epoch[k].shift - x - l.at(x); abs(off) > max(misfit, l.doubt(x)) {
			believed = t.astray(k, n, x, off, at)
		}
		if believed {
			l.add(x, n-t.epoch[k].shift-x)
			c.offer(t.arrived, t.own.floor-l.at(x))
		}
	})
	t.sender.choose()
	return n - t.epoch[k].shift, believed
}

// begin chooses the epoch of a track's first report: the one in which it arrives
// about when it should. If there is none, the sender's clock has been set since the
// other tracks had their reports.
func (t *Track) begin(k kind, n, x int64) {
	c := &t.sender.clocks[k]
	t.epoch[k] = c.epoch()
	if !c.set {
		return
	}
	late := func(e epoch) int64 { return t.own.floor - (n - e.shift - x) - c.floor }
	for _, e := range c.epochs {
		if abs(late(e)-t.extra) < abs(late(t.epoch[k])-t.extra)-smallStep {
			t.epoch[k] = e
		}
	}
	if late := late(t.epoch[k]); late < -early || late > tardy {
		t.epoch[k] = c.stepped(t.epoch[k].shift - late + t.extra)
	}
}

// astray judges a report that is off the line, and reports whether to believe it.
//
// If packets arrive as the report has it, the RTP clock jumped: a new line begins.
// If they arrive as the line has it, and the report itself came too early or too
// late by as much as it is off, the sender's clock was set: times go on from the
// line. Otherwise the report is about something that has not come yet, or wrong.
func (t *Track) astray(k kind, n, x, off, at int64) bool {
	c, l := &t.sender.clocks[k], &t.lines[k]
	byLine := t.own.recent() - l.at(x) - c.floor
	late := at - (n - t.epoch[k].shift) - c.floor
	switch {
	case abs(off) < smallStep || abs(byLine-off) <= abs(byLine):
		t.suspicion = suspicion{abs(off), x}
	case abs(late+off) < abs(late):
		t.epoch[k] = c.stepped(t.epoch[k].shift + off)
	default:
		return false
	}
	*l = line{}
	return true
}
