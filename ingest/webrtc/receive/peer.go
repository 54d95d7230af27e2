// Package receive makes ingest.Samples of the RTP packets of one sender.
//
// A Peer is what the tracks of one sender share: its clock. Audio and Video take
// the packets of one track each, put them in order, find out when they were
// captured, and decode them. What is missing is never guessed silently: lost
// sound is made up for a moment (and counted) and then said to be lost, and after
// a lost frame no picture comes before it is exact again.
//
// Nothing here reads a clock, starts a goroutine or touches the network: packets
// and times come in, Samples go out. One goroutine at a time uses a Peer and all
// its tracks.
package receive

import (
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/rtpclock"
)

// Counter counts what is lost on the way from packets to Samples. It is called
// in the goroutine of the Peer.
type Counter interface {
	// Drop counts n units of a modality that go no further, and why: a Reason
	// of this package. Units are packets, but frames for ReasonBroken,
	// ReasonSkipped and ReasonUndecodable.
	Drop(m ingest.Modality, reason string, n int)
}

// Why packets and frames go no further.
const (
	ReasonLate        = "late"        // came after its place had been given up
	ReasonDuplicate   = "duplicate"   // had come already
	ReasonAstray      = "astray"      // its sequence number is far from all others
	ReasonLost        = "lost"        // did not come in time
	ReasonConcealed   = "concealed"   // did not come in time; its sound was made up
	ReasonMalformed   = "malformed"   // is not what its codec says
	ReasonEnded       = "ended"       // came after the end of the track
	ReasonBroken      = "broken"      // a frame that is not whole, or refers to one that is not
	ReasonUndecodable = "undecodable" // a whole frame that the decoder refused
	ReasonSkipped     = "skipped"     // a frame that nothing needs: not a loss
)

// Extensions are the payloads of RTP header extensions (RFC 8285) of one packet;
// nil for one that was not negotiated or is not there.
type Extensions struct {
	// AbsCaptureTime is http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time.
	AbsCaptureTime []byte
	// Orientation is urn:3gpp:video-orientation (3GPP TS 26.114, 7.4.5).
	Orientation []byte
}

// Peer is what the tracks of one sender share.
type Peer struct {
	cfg   Config
	count Counter
	clock rtpclock.Sender
}

// NewPeer returns a Peer without tracks. cfg must be valid.
func NewPeer(cfg Config, count Counter) *Peer {
	return &Peer{cfg: cfg, count: count}
}
