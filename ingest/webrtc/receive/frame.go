package receive

import (
	"errors"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// errPayload says that a packet is not what its payload format says.
var errPayload = errors.New("malformed payload")

// keptUnit is the largest buffer that is kept for the next frame.
const keptUnit = 512 << 10

// frame is an access unit that is being put together.
type frame struct {
	open   bool
	whole  bool   // begins with its first packet and misses none since
	ended  bool   // has come to its end, though packets of higher spatial layers follow
	unit   []byte // what the decoder gets; reused
	stamp  uint32
	at     time.Time
	clock  ingest.Clock
	parts  int // packets
	layers layers
	nal    nalState
}

// layers is what the payload descriptor of a frame says of its place among the
// others.
type layers struct {
	key       bool // refers to no other frame
	droppable bool // no other frame refers to it
	id        int  // the picture id; -1 if there is none
	idBits    int
	tl0       int  // the number of its frame of the lowest layer; -1 if there is none
	tid       int  // temporal layer
	sync      bool // refers to the lowest layer alone
	up        bool // higher layers refer to nothing of theirs before it

	flexible bool // refers to the pictures this many before, and no other
	refs     [3]uint8
	nrefs    int
}

// depacketizer is the payload format of a codec.
type depacketizer interface {
	// starts reports whether a payload begins a frame.
	starts(payload []byte) bool
	// add appends what a payload has of the frame. Its error wraps errPayload.
	add(f *frame, payload []byte) error
}

// begin starts a new frame with its first packet that came. whole says that the
// packet is the first that was sent.
func (f *frame) begin(p *packet, whole bool) {
	if cap(f.unit) > keptUnit {
		f.unit = nil
	}
	*f = frame{
		open: true, whole: whole, unit: f.unit[:0], stamp: p.Meta.stamp, at: p.Meta.at, clock: p.Meta.clock,
		layers: layers{id: -1, tl0: -1},
	}
}

// append adds to the unit, up to what the decoder takes.
func (f *frame) append(data ...byte) error {
	if len(f.unit)+len(data) > codec.MaxUnit {
		return errPayload
	}
	f.unit = append(f.unit, data...)
	return nil
}
