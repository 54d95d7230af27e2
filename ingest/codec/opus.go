package codec

/*
#include <opus.h>
*/
import "C"

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/valence-live/valence/ingest"
)

const (
	// OpusDelay is how much earlier than the RTP time stamp of its packet says the
	// sound of a packet was captured, where libopus encoded it (as in all browsers):
	// 4 ms of look-ahead, 2.5 ms of overlap. Decoding adds nothing. In containers it
	// is the pre-skip (RFC 7845, 4.2), which Packet.Time has in it already.
	OpusDelay = 6500 * time.Microsecond
	// MaxConceal bounds how much sound is made up for one loss.
	MaxConceal = time.Second

	opusStep = ingest.AudioRate / 400 // the library makes up whole steps of 2.5 ms
)

// Opus decodes the packets of one stream (RFC 6716) to mono sound at
// ingest.AudioRate. It is used by one goroutine at a time, and closed by the one
// who opened it.
type Opus struct {
	c *C.OpusDecoder
}

// NewOpus returns a decoder that has heard nothing yet.
func NewOpus() (*Opus, error) {
	var rc C.int
	c := C.opus_decoder_create(ingest.AudioRate, 1, &rc)
	if rc != C.OPUS_OK || c == nil {
		return nil, fmt.Errorf("opus: %w: open a decoder: %s", ErrLimit, C.GoString(C.opus_strerror(rc)))
	}
	return &Opus{c: c}, nil
}

// Decode appends the sound of the next packet to dst: OpusDuration of it. The
// error wraps ErrDamaged for a packet that is not valid, and dst comes back as it
// was; the decoder can go on.
func (o *Opus) Decode(dst ingest.PCM, packet []byte) (ingest.PCM, error) {
	d, err := OpusDuration(packet)
	if err != nil {
		return dst, err
	}
	n := int(d * ingest.AudioRate / time.Second)
	return o.decode(dst, packet, n, n, 0)
}

// Recover appends the sound of the lost d before the packet next, as far as next
// repeats it (in-band FEC, RFC 6716, 2.1.7), and what was likely there as far as it
// does not. next is to be decoded after that as usual. A d below 0 or above
// MaxConceal is refused with ErrLimit.
func (o *Opus) Recover(dst ingest.PCM, next []byte, d time.Duration) (ingest.PCM, error) {
	if len(next) == 0 {
		return dst, fmt.Errorf("opus: %w: the packet is empty", ErrDamaged)
	}
	return o.fill(dst, next, d, 1)
}

// Conceal appends what the lost d was likely to sound like: it fades out, or
// goes on as comfort noise where the sender has stopped sending in silence
// (DTX). Limits are those of Recover.
func (o *Opus) Conceal(dst ingest.PCM, d time.Duration) (ingest.PCM, error) {
	return o.fill(dst, nil, d, 0)
}

func (o *Opus) fill(dst ingest.PCM, next []byte, d time.Duration, fec C.int) (ingest.PCM, error) {
	if d < 0 || d > MaxConceal {
		return dst, fmt.Errorf("opus: %w: cannot fill %s, at most %s", ErrLimit, d, MaxConceal)
	}
	n := int((d*ingest.AudioRate + time.Second/2) / time.Second)
	if n == 0 {
		return dst, nil
	}
	return o.decode(dst, next, (n+opusStep-1)/opusStep*opusStep, n, fec)
}

// decode lets the library write at most size samples and keeps at most keep.
func (o *Opus) decode(dst ingest.PCM, packet []byte, size, keep int, fec C.int) (ingest.PCM, error) {
	if o.c == nil {
		return dst, fmt.Errorf("opus: %w", ErrClosed)
	}
	var data *C.uchar
	if len(packet) > 0 {
		data = (*C.uchar)(&packet[0])
	}
	dst = slices.Grow(dst, size)
	sound := dst[len(dst) : len(dst)+size]
	rc := C.opus_decode_float(o.c, data, C.opus_int32(len(packet)), (*C.float)(&sound[0]), C.int(size), fec)
	if rc < 0 {
		return dst, fmt.Errorf("opus: %w: %s", ErrDamaged, C.GoString(C.opus_strerror(rc)))
	}
	sound = sound[:min(int(rc), keep)]
	clip(sound)
	return dst[:len(dst)+len(sound)], nil
}

// clip keeps what the decoder overshoots within [-1, 1].
func clip(sound []float32) {
	for i, v := range sound {
		switch {
		case v > 1:
			sound[i] = 1
		case v < -1:
			sound[i] = -1
		case math.IsNaN(float64(v)):
			sound[i] = 0
		}
	}
}

// Close frees the decoder. It may be called again.
func (o *Opus) Close() error {
	if o.c != nil {
		C.opus_decoder_destroy(o.c)
		o.c = nil
	}
	return nil
}

// OpusDuration returns how long the sound of a packet lasts, by its first two
// bytes (RFC 6716, 3.1 and 3.2): 2.5 to 120 ms. The error wraps ErrDamaged.
func OpusDuration(packet []byte) (time.Duration, error) {
	if len(packet) == 0 {
		return 0, fmt.Errorf("opus: %w: the packet is empty", ErrDamaged)
	}
	config, frames := packet[0]>>3, 1
	switch packet[0] & 3 {
	case 0:
	case 1, 2:
		frames = 2
	default:
		if len(packet) < 2 {
			return 0, fmt.Errorf("opus: %w: the packet ends before its count of frames", ErrDamaged)
		}
		frames = int(packet[1] & 63)
	}
	d := time.Duration(frames) * frameLength(config)
	if d == 0 || d > 120*time.Millisecond {
		return 0, fmt.Errorf("opus: %w: a packet of %s, 2.5 to 120 ms are allowed", ErrDamaged, d)
	}
	return d, nil
}

// frameLength is the column "Frame Sizes" of RFC 6716, table 2.
func frameLength(config byte) time.Duration {
	const ms = time.Millisecond
	switch {
	case config < 12: // SILK
		return [4]time.Duration{10 * ms, 20 * ms, 40 * ms, 60 * ms}[config&3]
	case config < 16: // hybrid
		return [2]time.Duration{10 * ms, 20 * ms}[config&1]
	default: // CELT
		return 2500 * time.Microsecond << (config & 3)
	}
}
