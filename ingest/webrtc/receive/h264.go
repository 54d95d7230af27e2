package receive

// h264 is the payload format of RFC 6184: single NAL units, STAP-A and FU-A, which
// is all that packetization modes 0 and 1 allow. Parameter sets come in band.
type h264 struct{}

// Types of NAL units (ITU-T H.264, table 7-1; RFC 6184, table 1).
const (
	nalSlice     = 1
	nalIDR       = 5
	nalSPS       = 7
	nalPPS       = 8
	nalDelimiter = 9
	nalSTAPA     = 24
	nalFUA       = 28
)

// nalState is what is known of the NAL units of a frame.
type nalState struct {
	fragment bool // an FU-A has begun and not ended
	slice    bool // there is a picture, not only parameters
	needed   bool // a unit that others may refer to
}

// starts: what can only stand at the beginning of an access unit (ITU-T H.264,
// 7.4.1.2.3), or the first macroblock of an IDR picture. That of another picture
// could as well be told, but without all that was before, it is of no use.
func (h264) starts(payload []byte) bool {
	if len(payload) < 2 {
		return false
	}
	switch payload[0] & 31 {
	case nalSPS, nalDelimiter:
		return true
	case nalIDR:
		return payload[1]&0x80 != 0
	case nalSTAPA:
		return len(payload) > 4 && h264{}.starts(payload[3:])
	case nalFUA:
		return len(payload) > 2 && payload[1]&0x9f == 0x80|nalIDR && payload[2]&0x80 != 0
	default:
		return false
	}
}

func (h264) add(f *frame, payload []byte) error {
	if len(payload) < 2 {
		return errPayload
	}
	kind := payload[0] & 31
	if f.nal.fragment && kind != nalFUA {
		return errPayload
	}
	switch {
	case kind == nalSTAPA:
		for rest := payload[1:]; len(rest) > 0; {
			if len(rest) < 3 {
				return errPayload
			}
			n := int(rest[0])<<8 | int(rest[1])
			if n == 0 || n > len(rest)-2 {
				return errPayload
			}
			if err := f.addNAL(rest[2], rest[3:2+n]); err != nil {
				return err
			}
			rest = rest[2+n:]
		}
		return nil
	case kind == nalFUA:
		return f.addFragment(payload)
	case kind == 0 || kind > 23:
		return errPayload
	default:
		return f.addNAL(payload[0], payload[1:])
	}
}

// addFragment adds a part of a NAL unit (RFC 6184, 5.8).
func (f *frame) addFragment(payload []byte) error {
	start, end := payload[1]&0x80 != 0, payload[1]&0x40 != 0
	if start == f.nal.fragment || len(payload) < 3 {
		return errPayload
	}
	f.nal.fragment = !end
	if start {
		return f.addNAL(payload[0]&0xe0|payload[1]&31, payload[2:])
	}
	return f.append(payload[2:]...)
}

// addNAL adds a NAL unit, or its beginning, in the form of Annex B.
func (f *frame) addNAL(header byte, data []byte) error {
	switch kind := header & 31; {
	case kind == nalIDR:
		f.layers.key = true
		f.nal.slice, f.nal.needed = true, true
	case kind >= nalSlice && kind < nalIDR:
		f.nal.slice = true
		f.nal.needed = f.nal.needed || header&0x60 != 0
	case kind == nalSPS || kind == nalPPS:
		f.nal.needed = true
	}
	f.layers.droppable = f.nal.slice && !f.nal.needed
	if err := f.append(0, 0, 0, 1, header); err != nil {
		return err
	}
	return f.append(data...)
}
