package kafka

import (
	"encoding/binary"
	"fmt"
)

// reader takes values from the front of a buffer. After it has been asked for
// more than there is it has failed and returns zeros.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) err() error {
	if r.failed {
		return fmt.Errorf("%w: it ends too early", errProtocol)
	}
	return nil
}

// bytes returns the next n bytes, not copied.
func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.rest) || r.failed {
		r.failed, r.rest = true, nil
		return nil
	}
	out := r.rest[:n:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) skip(n int) { r.bytes(n) }

func (r *reader) int8() int8 {
	if b := r.bytes(1); b != nil {
		return int8(b[0]) //nolint:gosec // G115: two's complement
	}
	return 0
}

func (r *reader) int16() int16 {
	if b := r.bytes(2); b != nil {
		return int16(binary.BigEndian.Uint16(b)) //nolint:gosec // G115: two's complement
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.bytes(4); b != nil {
		return int32(binary.BigEndian.Uint32(b)) //nolint:gosec // G115: two's complement
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.bytes(8); b != nil {
		return int64(binary.BigEndian.Uint64(b)) //nolint:gosec // G115: two's complement
	}
	return 0
}

// varint reads a zig-zag number of variable length.
func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.failed, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// varbytes reads bytes after their length; -1 is nil.
func (r *reader) varbytes() []byte {
	n := r.varint()
	if n == -1 {
		return nil
	}
	if n < 0 || n > int64(len(r.rest)) {
		r.failed, r.rest = true, nil
		return nil
	}
	return r.bytes(int(n))
}
