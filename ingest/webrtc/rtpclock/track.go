package rtpclock

import (
	"time"

	"github.com/valence-live/valence/ingest"
)

// Track maps the RTP time stamps of one stream.
type Track struct {
	sender *Sender
	rate   int64

	begun   bool
	first   int64 // unwrapped time stamp of the first packet, in ticks
	newest  int64 // of the newest one
	arrived int64 // when it came
	stall   stall

	own   envelope // of arrival - media time, of this stream alone
	lines [kinds]line
	epoch [kinds]epoch
	mode  mode
	extra int64 // how much later than the sender's fastest this track arrives; 0 if unknown

	given     int64 // the last time given out, since sender.zero
	asked     int64 // the media time it was given for
	answered  bool  // in this stream
	ever      bool  // in any
	carry     carry
	past      past
	suspicion suspicion
}

// Arrived takes in a packet. Call it for the packets that are newer, by sequence
// number, than all before them: the ones that come late say nothing new.
func (t *Track) Arrived(rtp uint32, arrival time.Time) {
	at := t.sender.arrival(arrival)
	if t.begun {
		ticks := unwrap(t.newest, rtp)
		if ticks == t.newest { // more of a frame that has arrived, or padding
			t.arrived = max(t.arrived, at)
			return
		}
		if t.broken(nanoseconds(ticks-t.newest, t.rate), at) {
			t.restart()
			t.first = ticks
		}
		t.newest = ticks
	} else {
		t.begun, t.first, t.newest = true, int64(rtp), int64(rtp)
	}
	t.arrived = max(t.arrived, at)
	x := t.media(t.newest)
	t.own.sample(at, x)
	if t.mode != byArrival {
		c := &t.sender.clocks[t.mode.kind()]
		c.sample(at, t.senderTime(t.mode, x))
	}
}

// Restart forgets the stream: the next packet belongs to another one (a new
// SSRC). Time goes on.
func (t *Track) Restart() {
	t.restart()
	t.begun, t.past = false, past{}
}

func (t *Track) restart() {
	if t.mode != byArrival && t.own.set {
		// The way from the camera to the network stays as long as it was.
		c := &t.sender.clocks[t.mode.kind()]
		t.extra = max(t.own.floor-t.lines[t.mode.kind()].at(t.media(t.newest))-c.floor, 0)
	}
	t.past = past{t.answered, t.asked, t.given}
	t.own, t.lines, t.mode = envelope{}, [kinds]line{}, byArrival
	t.stall, t.carry, t.suspicion = stall{}, carry{}, suspicion{}
	t.answered = false
}

// Time returns when the media with the given RTP time stamp was captured, and
// how sure that is. The packet, or a newer one, must have Arrived. Later media
// never gets an earlier time.
func (t *Track) Time(rtp uint32) (time.Time, ingest.Clock) {
	ticks := unwrap(t.newest, rtp)
	if at, ok := t.past.at(t.media(ticks)); ok && (ticks < t.first || ticks > t.newest) {
		return t.out(at), ingest.Clock{Source: t.source(), ErrorBound: time.Duration(t.loose())}
	}
	x := t.media(min(ticks, t.newest))
	at := t.at(x)
	if !t.answered {
		if t.ever && at < t.given { // another stream of the track begins: go on
			t.carry = carry{t.given - at, x}
			at = t.given
		}
		t.asked, t.given = x, at
	}
	if x > t.asked {
		t.asked, t.given = x, at
	}
	t.answered, t.ever = true, true
	return t.out(at), ingest.Clock{Source: t.source(), ErrorBound: time.Duration(t.bound(x, at))}
}

func (t *Track) out(at int64) time.Time { return t.sender.zero.Round(0).Add(time.Duration(at)) }

// at returns the time given out for a media time.
func (t *Track) at(x int64) int64 { return t.ideal(x) + t.carry.at(x) }

// ideal returns the time that the mappings give, but for what is still slewed in
// this track alone.
func (t *Track) ideal(x int64) int64 {
	if t.mode == byArrival {
		return x + t.own.value(x) - t.extra
	}
	n := t.senderTime(t.mode, x)
	return n + t.sender.clocks[t.mode.kind()].value(n)
}

// senderTime returns the sender's time at a media time.
func (t *Track) senderTime(m mode, x int64) int64 { return x + t.lines[m.kind()].at(x) }

func (t *Track) media(ticks int64) int64 { return nanoseconds(ticks, t.rate) }

func (t *Track) source() ingest.ClockSource {
	if t.mode == byArrival {
		return ingest.ClockArrival
	}
	return sources[t.mode.kind()]
}
