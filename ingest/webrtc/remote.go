package webrtc

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/receive"
)

// remote is one RTP stream: a track, or one layer of it.
type remote struct {
	track    *pion.TrackRemote
	receiver *pion.RTPReceiver
	modality ingest.Modality
	rid      string // the layer; empty where there is but one

	// absCaptureTime and orientation are the ids of the header extensions, 0
	// where they were not negotiated.
	absCaptureTime, orientation uint8
	formats                     map[uint8]format // by payload type

	// wanted is false while nobody decodes the stream: its packets are then
	// forgotten where they are read.
	wanted atomic.Bool
	bytes  atomic.Int64
	newest atomic.Int64 // Unix nanoseconds; 0 before the first packet

	report arrival // the newest sender report; of the connection's goroutine
}

// format is what a payload type means.
type format struct {
	mime      string // lower case: clients write audio/OPUS too
	clockRate uint32
}

// addTrack begins to read a track; pion calls it for each, and each layer.
func (c *connection) addTrack(track *pion.TrackRemote, receiver *pion.RTPReceiver) {
	r := newRemote(track, receiver)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	select {
	case c.remotes <- r:
	case <-c.ending:
		return
	default:
		c.end(endAbuse) // more streams than were negotiated
		return
	}
	c.readers.Add(2)
	go c.readPackets(r)
	go c.readReports(r)
}

func newRemote(track *pion.TrackRemote, receiver *pion.RTPReceiver) *remote {
	r := &remote{track: track, receiver: receiver, modality: ingest.Audio, rid: track.RID(), formats: make(map[uint8]format)}
	if track.Kind() == pion.RTPCodecTypeVideo {
		r.modality = ingest.Video
	}
	parameters := receiver.GetParameters()
	for _, e := range parameters.HeaderExtensions {
		switch e.URI {
		case uriAbsCaptureTime:
			r.absCaptureTime = uint8(e.ID) //nolint:gosec // G115: ids are 1 to 255 (RFC 8285)
		case uriOrientation:
			r.orientation = uint8(e.ID) //nolint:gosec // G115
		}
	}
	for _, codec := range parameters.Codecs {
		if f := (format{mime: strings.ToLower(codec.MimeType), clockRate: codec.ClockRate}); f.decodable() {
			r.formats[uint8(codec.PayloadType)] = f
		}
	}
	return r
}

// packetSize is that of the largest RTP packet, as pion receives them.
const packetSize = 1500

// held is a packet with the memory that it refers to. It goes back to the
// gateway's pool once it was taken.
type held struct {
	rtp.Packet

	data [packetSize]byte
}

// readPackets hands packets to the connection's goroutine until the track ends.
func (c *connection) readPackets(r *remote) {
	defer c.readers.Done()
	g := c.gateway
	for {
		p, _ := g.packets.Get().(*held)
		n, _, err := r.track.Read(p.data[:])
		if n == 0 && err != nil {
			g.packets.Put(p)
			return
		}
		now := time.Now()
		r.bytes.Add(int64(n))
		r.newest.Store(now.UnixNano())
		c.heard.Store(now.UnixNano())
		g.count.received.Add(context.Background(), int64(n))
		if !r.wanted.Load() || !c.seat.Track(r.modality).Participant.Consents(r.modality) {
			g.packets.Put(p)
			continue
		}
		// An error with a packet says that its payload type was not negotiated.
		p.Packet = rtp.Packet{}
		if err != nil || p.Unmarshal(p.data[:n]) != nil {
			c.seat.Drop(r.modality, receive.ReasonMalformed, 1)
			g.packets.Put(p)
			continue
		}
		select {
		case c.arrivals <- arrival{remote: r, packet: p, at: now}:
		default:
			c.seat.Drop(r.modality, "behind", 1)
			g.packets.Put(p)
		}
	}
}

// readReports hands sender reports to the connection's goroutine. It also keeps
// pion's RTCP machinery going.
func (c *connection) readReports(r *remote) {
	defer c.readers.Done()
	read := r.receiver.ReadRTCP
	if r.rid != "" {
		read = func() ([]rtcp.Packet, interceptor.Attributes, error) { return r.receiver.ReadSimulcastRTCP(r.rid) }
	}
	for {
		packets, _, err := read()
		if err != nil {
			return
		}
		now := time.Now()
		for _, p := range packets {
			report, ok := p.(*rtcp.SenderReport)
			if !ok || report.SSRC != uint32(r.track.SSRC()) {
				continue
			}
			select {
			case c.arrivals <- arrival{remote: r, report: report, at: now}:
			default:
			}
		}
	}
}

// requestKeyFrame asks the sender of a stream for a picture that needs no
// other.
func (c *connection) requestKeyFrame(r *remote) {
	ssrc := uint32(r.track.SSRC())
	var request rtcp.Packet = &rtcp.PictureLossIndication{MediaSSRC: ssrc}
	if feedback := r.track.Codec().RTCPFeedback; !hasFeedback(feedback, "nack", "pli") && hasFeedback(feedback, "ccm", "fir") {
		request = &rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc, SequenceNumber: uint8(time.Now().Unix())}}} //nolint:gosec // G115: wraps (RFC 5104, 4.3.1.2)
	}
	_ = c.pc.WriteRTCP([]rtcp.Packet{request}) // it is asked again while it does not come
}

func hasFeedback(list []pion.RTCPFeedback, kind, parameter string) bool {
	for _, f := range list {
		if f.Type == kind && f.Parameter == parameter {
			return true
		}
	}
	return false
}
