package receive

import (
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// packet takes the next packet in order.
func (v *Video) packet(p *packet) {
	v.seen = true
	if p.Meta.turns >= 0 {
		v.turns = int(p.Meta.turns)
	}
	if len(p.Payload) == 0 {
		return // padding
	}
	f := &v.frame
	if f.open && f.stamp != p.Meta.stamp {
		f.whole = f.whole && (f.ended || !v.hole) // its end may be among what was lost
		v.end()
	}
	if !f.open {
		// In H.264 only the order tells where most frames begin.
		f.begin(p, v.format.starts(p.Payload) || v.codec == codec.H264 && !v.hole)
		v.chain.gap = v.chain.gap || v.hole
	} else if v.hole && !f.ended {
		f.whole = false
	}
	v.hole = false
	if err := v.format.add(f, p.Payload); err != nil {
		v.drop(ReasonMalformed, 1)
		f.whole = false
	}
	f.parts++
	if p.Meta.marker {
		v.end()
	}
}

// end decides on the frame that has been put together.
func (v *Video) end() {
	f := &v.frame
	if !f.open {
		return
	}
	f.open = false
	l := &f.layers
	if v.codec == codec.H264 && !f.nal.slice {
		v.parameters()
		return
	}
	v.chain.see(l)
	fits := v.chain.fits(l)
	switch {
	case !f.whole || f.nal.fragment:
		l.key = false
		v.leave(broken, ReasonBroken)
	case fits == broken:
		v.leave(broken, ReasonBroken)
	case fits == passing, v.unneeded():
		v.leave(passing, ReasonSkipped)
	default:
		v.decode()
	}
}

// parameters hands the decoder what comes without a picture.
func (v *Video) parameters() {
	if !v.frame.whole {
		v.leave(broken, ReasonBroken)
		return
	}
	if _, _, err := v.decoder.Decode(v.frame.unit, v.frame.at, v.turns); err != nil {
		v.leave(broken, ReasonUndecodable)
	}
}

// leave drops the frame.
func (v *Video) leave(s state, reason string) {
	f := &v.frame
	v.drop(reason, 1)
	before := v.chain.intact()
	v.chain.left(&f.layers, s)
	if v.chain.intact() {
		return
	}
	if before {
		v.reset()
	}
	v.without(f.at)
}

// unneeded reports whether a frame that could be decoded need not be: its step
// has a picture, and either no frame refers to it, or only such of higher layers
// and the lowest one comes often enough.
func (v *Video) unneeded() bool {
	l := &v.frame.layers
	if l.tid == 0 && !l.key {
		v.every, v.base = v.frame.at.Sub(v.base), v.frame.at
	}
	if pictureStep(v.frame.at) > v.taken || l.key {
		return false
	}
	return l.droppable || l.tid > 0 && v.every > 0 && v.every <= codec.PictureStep
}

func (v *Video) decode() {
	f := &v.frame
	picture, at, err := v.decoder.Decode(f.unit, f.at, v.turns)
	if err != nil { // it has forgotten all references
		f.layers.droppable, f.layers.tid = false, 0
		v.leave(broken, ReasonUndecodable)
		return
	}
	v.chain.decoded(&f.layers)
	if v.chain.intact() {
		v.resumed(f.at)
	}
	if picture == nil {
		return
	}
	v.taken = pictureStep(at)
	v.send(at, f.clock, picture, 0)
}

// without says, every now and then, that there are no pictures.
func (v *Video) without(at time.Time) {
	if v.missing.IsZero() {
		v.missing = later(at, v.given)
		return
	}
	if at.Sub(v.missing) >= codec.PictureStep {
		v.send(v.missing, v.frame.clock, ingest.Gap{End: at, Reason: ingest.ReasonLost}, at.Sub(v.missing))
		v.missing = at
	}
}

// resumed says up to when there were no pictures.
func (v *Video) resumed(at time.Time) {
	if !v.missing.IsZero() && at.After(v.missing) {
		v.send(v.missing, v.frame.clock, ingest.Gap{End: at, Reason: ingest.ReasonLost}, at.Sub(v.missing))
	}
	v.missing = time.Time{}
}

// reset makes the decoder forget all references. It fails only after Close.
func (v *Video) reset() { _ = v.decoder.Reset() }

func pictureStep(at time.Time) int64 { return at.UnixNano() / int64(codec.PictureStep) }
