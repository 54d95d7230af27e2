package codec

import "bytes"

// VideoCodec is a codec of live pictures, by the name that SDP has for it.
type VideoCodec string

// The codecs that a Video decodes.
const (
	VP8  VideoCodec = "VP8"  // RFC 6386; a unit is one frame
	VP9  VideoCodec = "VP9"  // a unit is one frame or superframe
	H264 VideoCodec = "H264" // ITU-T H.264; a unit is one access unit as in its Annex B
)

// KeyFrame reports whether a unit can be decoded without those before it. For
// H.264 that is an IDR picture; a picture with a recovery point is none. Only
// headers are looked at: the rest may be damaged.
func (c VideoCodec) KeyFrame(unit []byte) bool {
	switch c {
	case VP8: // RFC 6386, 9.1: the inverse key frame bit, then the start code
		return len(unit) >= 10 && unit[0]&1 == 0 && unit[3] == 0x9d && unit[4] == 0x01 && unit[5] == 0x2a
	case VP9:
		return vp9KeyFrame(unit)
	case H264:
		for header := range nalUnits(unit) {
			if header&31 == nalIDR {
				return true
			}
		}
	}
	return false
}

// Droppable reports whether no other unit needs this one, as far as the bits of
// the unit themselves say so: in H.264, where every slice has a nal_ref_idc of 0
// (7.4.1) and no parameter set comes with them. What VP8 and VP9 say of it stands
// in the RTP payload descriptor: here they are never droppable.
func (c VideoCodec) Droppable(unit []byte) bool {
	if c != H264 {
		return false
	}
	dispensable := false
	for header := range nalUnits(unit) {
		switch kind := header & 31; {
		case kind >= 1 && kind <= nalIDR:
			if kind == nalIDR || header&0x60 != 0 {
				return false
			}
			dispensable = true
		case kind != nalSEI && kind != nalDelimiter && kind != nalFiller:
			return false
		}
	}
	return dispensable
}

// blind reports whether a unit has no picture by intent: H.264 senders may send
// parameter sets, delimiters or filler alone.
func (c VideoCodec) blind(unit []byte) bool {
	units := 0
	if c == H264 {
		for header := range nalUnits(unit) {
			if kind := header & 31; kind >= 1 && kind <= nalIDR {
				return false
			}
			units++
		}
	}
	return units > 0
}

// vp9KeyFrame reads the beginning of the uncompressed header (VP9 bitstream
// specification, 6.2). The first frame of a superframe stands at its beginning.
func vp9KeyFrame(unit []byte) bool {
	if len(unit) < 5 {
		return false
	}
	bits := uint64(unit[0])<<32 | uint64(unit[1])<<24 | uint64(unit[2])<<16 | uint64(unit[3])<<8 | uint64(unit[4])
	at := 40
	read := func(n int) uint64 {
		at -= n
		return bits >> at & (1<<n - 1)
	}
	if read(2) != 2 { // frame_marker
		return false
	}
	if read(2) == 3 && read(1) != 0 { // the profile, and a reserved bit of profile 3
		return false
	}
	existing, notKey := read(1), read(1)
	read(2) // show_frame, error_resilient_mode
	return existing == 0 && notKey == 0 && read(24) == 0x498342
}

// Types of NAL units (ITU-T H.264, table 7-1). 1 to 5 are slices.
const (
	nalIDR       = 5
	nalSEI       = 6
	nalDelimiter = 9
	nalFiller    = 12
)

// nalUnits gives out the first byte of each NAL unit of a stream in the form of
// Annex B.
func nalUnits(stream []byte) func(yield func(header byte) bool) {
	return func(yield func(byte) bool) {
		for {
			i := bytes.Index(stream, []byte{0, 0, 1})
			if i < 0 || i+3 >= len(stream) || !yield(stream[i+3]) {
				return
			}
			stream = stream[i+3:]
		}
	}
}
