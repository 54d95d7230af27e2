package receive

import "github.com/valence-live/valence/ingest/codec"

// vp9 is the payload format of RFC 9628. Of the spatial layers the lowest is
// taken: it refers to no other, and it is the smallest.
type vp9 struct{}

// starts: a frame begins (4.2: B), and it is that of the lowest spatial layer.
func (vp9) starts(payload []byte) bool {
	_, r, sid := vp9Descriptor(payload)
	return !r.short && payload[0]&0x08 != 0 && sid == 0
}

func (vp9) add(f *frame, payload []byte) error {
	l, r, sid := vp9Descriptor(payload)
	if r.short || len(r.data) == 0 {
		return errPayload
	}
	if sid > 0 {
		return nil
	}
	if f.parts == 0 && f.whole {
		l.key = codec.VP9.KeyFrame(r.data)
		l.droppable = vp9Droppable(r.data)
	} else {
		l.key, l.droppable = f.layers.key, f.layers.droppable
	}
	f.layers = l
	f.ended = payload[0]&0x04 != 0 // E
	return f.append(r.data...)
}

// vp9Descriptor reads the payload descriptor (RFC 9628, 4.2). r has what follows.
func vp9Descriptor(payload []byte) (l layers, r reader, sid int) {
	r = reader{data: payload}
	l = layers{id: -1, tl0: -1}
	first := r.byte()
	predicted, flexible := first&0x40 != 0, first&0x10 != 0
	if first&0x80 != 0 { // I
		l.id, l.idBits = r.pictureID()
	}
	if first&0x20 != 0 { // L
		b := r.byte()
		l.tid, l.up, sid = int(b>>5), b&0x10 != 0, int(b>>1&7)
		if !flexible {
			l.tl0 = int(r.byte())
		}
	}
	if flexible && predicted {
		for more := true; more; l.nrefs++ {
			b := r.byte()
			if l.nrefs == len(l.refs) {
				r.short = true
				break
			}
			l.refs[l.nrefs], more = b>>1, b&1 != 0
		}
	}
	l.flexible = flexible && l.id >= 0
	if first&0x02 != 0 { // V
		r.structure()
	}
	return l, r, sid
}

// structure skips the scalability structure.
func (r *reader) structure() {
	b := r.byte()
	if b&0x10 != 0 { // Y: width and height of each layer
		r.skip(4 * (int(b>>5) + 1))
	}
	if b&0x08 == 0 { // G
		return
	}
	for range int(r.byte()) {
		r.skip(int(r.byte() >> 2 & 3))
	}
}

// vp9Droppable reports whether a frame changes no reference: refresh_frame_flags
// is 0 (VP9 bitstream specification, 6.2), read where it stands in inter frames of
// profiles 0 to 2.
func vp9Droppable(unit []byte) bool {
	bits := bitReader{data: unit}
	if bits.read(2) != 2 {
		return false
	}
	if bits.read(1)|bits.read(1)<<1 == 3 || bits.read(1) != 0 { // profile 3; show_existing_frame
		return false
	}
	if bits.read(1) == 0 { // key frame
		return false
	}
	shown, resilient := bits.read(1), bits.read(1)
	if shown == 0 && bits.read(1) != 0 { // intra_only
		return false
	}
	if resilient == 0 {
		bits.read(2) // reset_frame_context
	}
	return bits.read(8) == 0 && !bits.short
}

// bitReader reads bits, the highest first.
type bitReader struct {
	data  []byte
	at    int
	short bool
}

func (b *bitReader) read(n int) (v int) {
	for range n {
		v <<= 1
		if b.at/8 >= len(b.data) {
			b.short = true
			continue
		}
		v |= int(b.data[b.at/8]>>(7-b.at%8)) & 1
		b.at++
	}
	return v
}
