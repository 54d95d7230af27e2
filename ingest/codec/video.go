package codec

/*
#include "video.h"
*/
import "C"

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/valence-live/valence/ingest"
)

const (
	// MaxUnit is the largest access unit that is decoded, in bytes.
	MaxUnit = 4 << 20
	// MaxLivePixels is the largest picture of a live stream, in pixels. (Files may
	// have larger ones.)
	MaxLivePixels = 4096 * 2304
)

// Video decodes the access units of one live stream of pictures. It is used by
// one goroutine at a time, and closed by the one who opened it.
type Video struct {
	c        *C.valence_video
	codec    VideoCodec
	logger   *slog.Logger
	pictures pictures
	waits    bool  // for a key frame
	taken    int64 // the last PictureStep from which a picture was taken
	// units are what is known of the newest ones, by number: decoders hold back
	// 16 pictures at most.
	units  [32]unit
	number int64
}

type unit struct {
	at    time.Time
	turns int
}

// NewVideo returns a decoder that waits for a key frame. logger is told at debug
// level when the stream breaks.
func NewVideo(c VideoCodec, logger *slog.Logger) (*Video, error) {
	var id uint32
	switch c {
	case VP8:
		id = C.AV_CODEC_ID_VP8
	case VP9:
		id = C.AV_CODEC_ID_VP9
	case H264:
		id = C.AV_CODEC_ID_H264
	default:
		return nil, fmt.Errorf("%w: %q is no video codec of ours: %s, %s or %s", ErrNoStream, string(c), VP8, VP9, H264)
	}
	v := &Video{codec: c, logger: logger, waits: true, taken: -1 << 62}
	if v.c = C.valence_video_new(); v.c == nil {
		return nil, fmt.Errorf("%s: %w: no memory for a decoder", c, ErrLimit)
	}
	if rc := C.valence_video_open(v.c, id, MaxLivePixels); rc < 0 {
		err := v.failure(rc, "open a decoder")
		_ = v.Close()
		return nil, err
	}
	return v, nil
}

// Decode takes the next access unit, captured at that time, and returns a picture
// if it sets one free that is the first of its PictureStep; else nil. The picture,
// which now belongs to the caller, is upright after the given number of quarter
// turns clockwise (the orientation of 3GPP TS 26.114, 7.4.5), and captured is its
// own time: with B-frames it belongs to an earlier unit. Pictures come in order of
// time; one of a step before that of the last is not taken.
//
// Units must come whole and in the order of decoding. The error wraps ErrKeyFrame
// while a key frame is waited for, ErrDamaged for a unit that cannot be decoded and
// ErrLimit for one that is too large; after the latter two a key frame is waited
// for, since later units refer to what is missing. A lost unit cannot be seen here:
// call Reset. unit may be used again after the call.
func (v *Video) Decode(unit []byte, at time.Time, turns int) (p *ingest.Picture, captured time.Time, err error) {
	switch {
	case v.c == nil:
		return nil, time.Time{}, fmt.Errorf("%s: %w", v.codec, ErrClosed)
	case len(unit) == 0:
		return nil, time.Time{}, v.lose(fmt.Errorf("%s: %w: the unit is empty", v.codec, ErrDamaged))
	case len(unit) > MaxUnit:
		return nil, time.Time{}, v.lose(fmt.Errorf("%s: %w: a unit of %d bytes, at most %d are decoded", v.codec, ErrLimit, len(unit), MaxUnit))
	}
	blind := v.codec.blind(unit)
	if v.waits && !blind && !v.codec.KeyFrame(unit) {
		return nil, time.Time{}, fmt.Errorf("%s: %w", v.codec, ErrKeyFrame)
	}
	// No picture from a step that is over comes out, so that those which nothing
	// refers to need not be decoded, unless the order of pictures is found out by
	// counting them.
	unwanted := step(at) <= v.taken
	if unwanted && v.c.codec.has_b_frames == 0 && v.codec.Droppable(unit) {
		return nil, time.Time{}, nil
	}
	return v.decode(unit, at, turns, blind, unwanted)
}

func (v *Video) decode(data []byte, at time.Time, turns int, blind, unwanted bool) (*ingest.Picture, time.Time, error) {
	v.number++
	v.units[v.number%int64(len(v.units))] = unit{at, turns}
	flag := C.int(0)
	if unwanted {
		flag = 1
	}
	rc := C.valence_video_decode(v.c, (*C.uint8_t)(&data[0]), C.int(len(data)), C.int64_t(v.number), flag)
	switch {
	case blind:
		return nil, time.Time{}, nil // the library keeps parameter sets, and complains that there is no picture
	case rc < 0:
		return nil, time.Time{}, v.lose(v.failure(rc, "decode a unit"))
	}
	v.waits = false
	if rc == 0 {
		return nil, time.Time{}, nil
	}
	return v.take()
}

// take converts the picture that came out, if it is the first of its step.
func (v *Video) take() (*ingest.Picture, time.Time, error) {
	number := int64(v.c.frame.pts)
	if number <= v.number-int64(len(v.units)) || number > v.number {
		number = v.number
	}
	u := v.units[number%int64(len(v.units))]
	if step(u.at) <= v.taken {
		return nil, time.Time{}, nil
	}
	C.valence_video_measure(v.c, C.int(u.turns), MaxSide)
	p, rc := v.pictures.convert(&v.c.picture, v.c.frame)
	if rc < 0 {
		return nil, time.Time{}, v.lose(v.failure(rc, "convert a picture"))
	}
	v.taken = step(u.at)
	return p, u.at, nil
}

// step numbers the PictureStep that t is in.
func step(t time.Time) int64 { return t.UnixNano() / int64(PictureStep) }

// Reset forgets all that later units could refer to, and the pictures that were
// held back: after a loss, or when the sender has changed. The next unit must be a
// key frame.
func (v *Video) Reset() error {
	if v.c == nil {
		return fmt.Errorf("%s: %w", v.codec, ErrClosed)
	}
	C.valence_video_reset(v.c)
	v.waits = true
	return nil
}

// lose resets after err.
func (v *Video) lose(err error) error {
	if !v.waits {
		v.logger.Debug("a stream of pictures broke", slog.String("codec", string(v.codec)), slog.String("error", err.Error()))
	}
	C.valence_video_reset(v.c)
	v.waits = true
	return err
}

func (v *Video) failure(rc C.int, doing string) error {
	return fmt.Errorf("%s: %w", v.codec, libError(rc, ErrDamaged, doing, &v.c.log))
}

// Close frees everything but the pictures that are still in use. It may be
// called again.
func (v *Video) Close() error {
	if v.c == nil {
		return nil
	}
	C.valence_video_close(v.c)
	v.c = nil
	return nil
}
