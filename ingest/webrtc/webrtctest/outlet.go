package webrtctest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"
)

const uriAbsCaptureTime = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

// mtu is the size of the largest RTP packet, as browsers make them.
const mtu = 1200

// outlet is a local track that may change its codec from packet to packet. It
// implements pion's TrackLocal.
type outlet struct {
	kind  pion.RTPCodecType
	id    string
	rid   string
	clock uint32
	first uint32 // RTP time of the sender's zero
	mime  string // offered first

	mu       sync.Mutex
	ssrc     uint32
	writer   pion.TrackLocalWriter
	payloads map[string]uint8 // by lower-case MIME type
	ids      map[string]uint8 // header extensions, by URI
	mid      string
	sequence uint16
	muted    atomic.Bool
	asked    atomic.Bool  // for a key frame
	sent     atomic.Int64 // packets
	octets   atomic.Int64
}

func (o *outlet) ID() string              { return o.id }
func (o *outlet) RID() string             { return o.rid }
func (o *outlet) StreamID() string        { return "webrtctest" }
func (o *outlet) Kind() pion.RTPCodecType { return o.kind }

// Bind implements pion.TrackLocal.
func (o *outlet) Bind(c pion.TrackLocalContext) (pion.RTPCodecParameters, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ssrc, o.writer = uint32(c.SSRC()), c.WriteStream()
	o.payloads, o.ids = make(map[string]uint8), make(map[string]uint8)
	for _, e := range c.HeaderExtensions() {
		o.ids[e.URI] = uint8(e.ID) //nolint:gosec // G115: ids are small
	}
	var bound *pion.RTPCodecParameters
	for _, p := range c.CodecParameters() {
		mime := strings.ToLower(p.MimeType)
		if _, there := o.payloads[mime]; !there {
			o.payloads[mime] = uint8(p.PayloadType)
		}
		if bound == nil && mime == o.mime {
			bound = &p
		}
	}
	if bound == nil {
		return pion.RTPCodecParameters{}, fmt.Errorf("%s was not negotiated", o.mime)
	}
	return *bound, nil
}

// Unbind implements pion.TrackLocal.
func (o *outlet) Unbind(pion.TrackLocalContext) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writer = nil
	return nil
}

// time is the RTP time of an instant of the sender's.
func (o *outlet) time(t time.Duration) uint32 {
	return o.first + uint32(int64(t)*int64(o.clock/1000)/int64(time.Millisecond)) //nolint:gosec // G115: wraps
}

// write sends one access unit. absolute is the payload of abs-capture-time, or
// nil.
func (o *outlet) write(mime string, t time.Duration, unit, absolute []byte, payloader rtp.Payloader) {
	o.mu.Lock()
	defer o.mu.Unlock()
	payload, ok := o.payloads[mime]
	if o.writer == nil || !ok || o.muted.Load() {
		return
	}
	parts := payloader.Payload(mtu-40, unit)
	for i, part := range parts {
		h := &rtp.Header{Version: 2, PayloadType: payload, SSRC: o.ssrc, SequenceNumber: o.sequence, Timestamp: o.time(t), Marker: i == len(parts)-1}
		o.sequence++
		if id := o.ids[sdp.SDESMidURI]; id > 0 && o.rid != "" {
			_ = h.SetExtension(id, []byte(o.mid))
		}
		if id := o.ids[sdp.SDESRTPStreamIDURI]; id > 0 && o.rid != "" {
			_ = h.SetExtension(id, []byte(o.rid))
		}
		if id := o.ids[uriAbsCaptureTime]; id > 0 && i == 0 && absolute != nil {
			_ = h.SetExtension(id, absolute)
		}
		if _, err := o.writer.WriteRTP(h, part); err != nil {
			return // the connection is gone
		}
		o.sent.Add(1)
		o.octets.Add(int64(len(part)))
	}
}

// newPayloader returns what cuts the units of a codec into packets.
func newPayloader(mime string) rtp.Payloader {
	switch mime {
	case "audio/opus":
		return &codecs.OpusPayloader{}
	case "video/vp9":
		return &codecs.VP9Payloader{}
	case "video/h264":
		return &codecs.H264Payloader{}
	default:
		return &codecs.VP8Payloader{EnablePictureID: true}
	}
}
