package receive

import "github.com/valence-live/valence/ingest/codec"

// vp8 is the payload format of RFC 7741.
type vp8 struct{}

// starts: the first partition begins (4.2: S is set and PID is 0).
func (vp8) starts(payload []byte) bool { return len(payload) > 0 && payload[0]&0x17 == 0x10 }

func (vp8) add(f *frame, payload []byte) error {
	r := reader{data: payload}
	first := r.byte()
	l := layers{id: -1, tl0: -1, droppable: first&0x20 != 0}
	if first&0x80 != 0 { // X
		has := r.byte()
		if has&0x80 != 0 { // I
			l.id, l.idBits = r.pictureID()
		}
		if has&0x40 != 0 { // L
			l.tl0 = int(r.byte())
		}
		if has&0x30 != 0 { // T or K
			b := r.byte()
			if has&0x20 != 0 {
				l.tid, l.sync = int(b>>6), b&0x20 != 0
			}
		}
	}
	if r.short || len(r.data) == 0 {
		return errPayload
	}
	if f.parts > 0 {
		l.key = f.layers.key
	}
	if f.parts == 0 && f.whole {
		l.key = codec.VP8.KeyFrame(r.data)
	}
	f.layers = l
	return f.append(r.data...)
}

// reader takes a descriptor apart. Past its end it reads zeros and says so.
type reader struct {
	data  []byte
	short bool
}

func (r *reader) byte() byte {
	if len(r.data) == 0 {
		r.short = true
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *reader) skip(n int) {
	if n > len(r.data) {
		n, r.short = len(r.data), true
	}
	r.data = r.data[n:]
}

// pictureID reads a number of 7 bits, or of 15 if its first bit is set.
func (r *reader) pictureID() (id, bits int) {
	b := r.byte()
	if b&0x80 == 0 {
		return int(b), 7
	}
	return int(b&0x7f)<<8 | int(r.byte()), 15
}
