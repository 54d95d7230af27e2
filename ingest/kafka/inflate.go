package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go/compress"
)

// A few bytes can claim to be many. What a batch may become is bounded, and so
// is what a Zstandard frame may have us keep at hand: it is that of its level 20.
const (
	maxInflated = 1 << 26
	maxWindow   = 1 << 25
)

var errInflates = fmt.Errorf("it inflates to more than %d bytes", maxInflated)

// inflate undoes the compression of a batch's records. Snappy and Zstandard are
// not left to kafka-go, which takes what they claim for granted.
func (d *decoder) inflate(codec compress.Compression, data []byte) (out []byte, err error) {
	switch codec {
	case compress.Snappy:
		return unsnap(data)
	case compress.Zstd:
		if d.zstd == nil {
			d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxInflated), zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, err
			}
		}
		return d.zstd.DecodeAll(data, nil)
	default:
		c := codec.Codec()
		if c == nil {
			return nil, fmt.Errorf("there is no compression %d", codec)
		}
		r := c.NewReader(bytes.NewReader(data))
		out, err = io.ReadAll(io.LimitReader(r, maxInflated+1))
		if err = errors.Join(err, r.Close()); err == nil && len(out) > maxInflated {
			err = errInflates
		}
		return out, err
	}
}

// xerial begins a series of Snappy blocks, as Java writes them: then come two
// versions, and each block after its length.
const xerial = "\x82SNAPPY\x00"

func unsnap(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte(xerial)) {
		return unsnapBlock(nil, data)
	}
	r := reader{rest: data}
	r.skip(len(xerial) + 4 + 4)
	var out []byte
	for len(r.rest) > 0 && !r.failed {
		var err error
		if out, err = unsnapBlock(out, r.bytes(int(r.int32()))); err != nil {
			return nil, err
		}
	}
	return out, r.err()
}

func unsnapBlock(out, block []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if len(out)+n > maxInflated || n > 64*len(block) { // it never shrinks bytes to less than a 32nd
		return nil, errInflates
	}
	part, err := snappy.Decode(nil, block)
	return append(out, part...), err
}
