package receive

import (
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/jitter"
	"github.com/valence-live/valence/ingest/webrtc/rtpclock"
)

// superseded is how long packets of the stream before may still come after a
// change of SSRC; they are dropped.
const superseded = 2 * time.Second

// meta is what is known of a packet besides its payload.
type meta struct {
	stamp  uint32
	marker bool
	turns  int8 // quarter turns clockwise; -1 if the packet does not say
	at     time.Time
	clock  ingest.Clock
}

type packet = jitter.Packet[meta]

// media is what differs between sound and pictures.
type media interface {
	packet(p *packet)
	lost(n int)
	// restart says that another stream of the same track begins.
	restart()
	// finish hands out what is left.
	finish()
}

// stream is what tracks of sound and of pictures have in common: order, time, and
// what goes out.
type stream struct {
	peer   *Peer
	track  *ingest.Track
	emit   func(ingest.Sample)
	media  media
	clock  *rtpclock.Track
	buffer *jitter.Buffer[meta]
	work   packet // reused

	begun     bool
	ssrc      uint32
	old       uint32 // the SSRC before
	changed   time.Time
	ended     bool
	given     time.Time // the end of what was given out
	givenTime time.Time // the Time of the last Sample
}

func (s *stream) init(p *Peer, track *ingest.Track, rate uint32, delay time.Duration, size int, emit func(ingest.Sample), m media) {
	*s = stream{peer: p, track: track, emit: emit, media: m, clock: p.clock.NewTrack(rate)}
	s.buffer = jitter.New(delay, size, m.packet, m.lost)
}

// Push takes in a packet. Neither pkt nor what it and ext refer to is kept.
func (s *stream) Push(pkt *rtp.Packet, ext Extensions, arrival time.Time) {
	switch {
	case s.ended:
		s.drop(ReasonEnded, 1)
		return
	case !s.begun:
		s.begun, s.ssrc = true, pkt.SSRC
	case pkt.SSRC == s.ssrc:
	case pkt.SSRC == s.old && !s.changed.IsZero() && arrival.Sub(s.changed) < superseded:
		s.drop(ReasonLate, 1)
		return
	default:
		s.old, s.ssrc, s.changed = s.ssrc, pkt.SSRC, arrival
		s.buffer.Flush()
		s.buffer.Reset()
		s.clock.Restart()
		s.media.restart()
	}
	s.buffer.Tick(arrival)
	if s.buffer.Newest(pkt.SequenceNumber) {
		s.clock.Arrived(pkt.Timestamp, arrival)
		if ntp, ok := rtpclock.ParseAbsCaptureTime(ext.AbsCaptureTime); ok {
			s.clock.Captured(ntp, pkt.Timestamp)
		}
	}
	at, clock := s.clock.Time(pkt.Timestamp)
	s.work = packet{
		Seq:     pkt.SequenceNumber,
		Payload: pkt.Payload,
		Meta:    meta{pkt.Timestamp, pkt.Marker, turns(ext.Orientation), at, clock},
	}
	switch s.buffer.Push(&s.work, arrival) {
	case jitter.Passed, jitter.Held:
	case jitter.Duplicate:
		s.drop(ReasonDuplicate, 1)
	case jitter.Late:
		s.drop(ReasonLate, 1)
	case jitter.Astray:
		s.drop(ReasonAstray, 1)
	}
	s.work.Payload = nil
}

// Report takes in a sender report. One of another SSRC than the newest packet's is
// not for this stream and ignored.
func (s *stream) Report(sr *rtcp.SenderReport, arrival time.Time) {
	if s.begun && !s.ended && sr.SSRC == s.ssrc {
		s.clock.Report(sr.NTPTime, sr.RTPTime, arrival)
	}
}

// Tick gives up what has been waited for long enough. Call it every 20 to 50 ms.
func (s *stream) Tick(now time.Time) {
	if !s.ended {
		s.buffer.Tick(now)
	}
}

// End hands out what is left and ends the track. It may be called again.
func (s *stream) End(now time.Time, reason ingest.Reason) {
	if s.ended {
		return
	}
	s.buffer.Flush()
	s.media.finish()
	s.ended = true
	s.send(later(now.Round(0), s.given), ingest.Clock{}, ingest.End{Reason: reason}, 0)
	s.peer.clock.Remove(s.clock)
}

// send gives out a Sample that lasts for d. Time never runs backwards.
func (s *stream) send(at time.Time, clock ingest.Clock, p ingest.Payload, d time.Duration) {
	at = later(at, s.givenTime)
	s.givenTime = at
	s.given = later(s.given, at.Add(d))
	s.emit(ingest.Sample{Track: s.track, Time: at, Clock: clock, Payload: p})
}

func (s *stream) drop(reason string, n int) {
	if n > 0 {
		s.peer.count.Drop(s.track.Modality, reason, n)
	}
}

// turns reads the orientation of a picture: the two low bits are the quarter turns
// clockwise that make it upright. Mirroring (bit F) and which camera it is (bit C)
// make no difference to a face.
func turns(orientation []byte) int8 {
	if len(orientation) != 1 {
		return -1
	}
	return int8(orientation[0] & 3)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
