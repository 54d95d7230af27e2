// Package codec decodes media: PCM at 16 kHz and I420 pictures come out,
// whatever went in, with the capture time of each.
//
// It is a thin layer over FFmpeg's libraries and libopus and, besides
// inference/onnx, the only place with cgo. Opus and Video decode the packets of
// a live stream. A Decoder reads one stream of one file. Whoever wants sound and
// picture opens the file twice: each then runs ahead as far as its reader lets
// it, however the file interleaves them. Packets takes a file apart without
// decoding it.
package codec

/*
#cgo pkg-config: libavformat libavcodec libswresample libswscale libavutil opus
#cgo CFLAGS: -Wall -Wextra
#include "media.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/valence-live/valence/ingest"
)

const (
	// PictureStep is the grid, in Unix time, from which pictures are taken: the
	// first of each step. The others are decoded, since later ones refer to
	// them, and go no further.
	PictureStep = 200 * time.Millisecond
	// MaxSide is the longest side of a picture that comes out, in pixels; larger
	// ones are scaled down.
	MaxSide = 640
	// ChunkSamples is the length of each PCM but the last before a hole or the end.
	ChunkSamples = ingest.AudioRate / 10
)

// Unit is one decoded piece of the stream.
type Unit struct {
	// Time is the capture time of the beginning of Payload.
	Time time.Time
	// Payload is an ingest.PCM or an *ingest.Picture, which now belong to the
	// receiver; an ingest.Gap for a hole in the stream; or, last, an ingest.End.
	Payload ingest.Payload
}

// Decoder decodes one stream. It is used by one goroutine at a time, and
// closed by the one who opened it.
type Decoder struct {
	source
	c      *C.valence_decoder
	info   Info
	logger *slog.Logger

	track    ingest.Modality
	start    time.Time // capture time of the file's zero
	timeline timeline
	ready    []Unit // decoded and not yet asked for
	err      error  // what follows after ready

	samples  []float32     // resampled, not yet a whole chunk; reused
	sampleAt time.Duration // time of samples[0]
	sounding bool          // samples continues without a hole

	pictures pictures
	taken    int64 // the last PictureStep from which a picture was taken
}

// Open opens a file and chooses the best stream of the modality, ingest.Audio
// or ingest.Video. ctx bounds the decoder's whole life: once it is cancelled,
// Next returns its error. logger gets what the library says, at debug level.
func Open(ctx context.Context, path string, track ingest.Modality, logger *slog.Logger) (*Decoder, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	d, err := NewDecoder(ctx, f, path, track, logger)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	d.file = f
	return d, nil
}

// NewDecoder is Open for media that r delivers; name stands for it in errors.
// Where r is an io.Seeker, it is used so, and must stand at its beginning: some
// files (MP4 with its index at the end) cannot be read otherwise. r must stay
// usable until Close, which does not close it.
func NewDecoder(ctx context.Context, r io.Reader, name string, track ingest.Modality, logger *slog.Logger) (*Decoder, error) {
	d := &Decoder{logger: logger, track: track, start: time.Unix(0, 0).UTC(), taken: -1 << 62}
	var kind int32
	switch track {
	case ingest.Audio:
		kind, d.timeline.tolerance = C.AVMEDIA_TYPE_AUDIO, 50*time.Millisecond
	case ingest.Video:
		kind, d.timeline.tolerance = C.AVMEDIA_TYPE_VIDEO, time.Second
	case ingest.Text:
		fallthrough
	default:
		return nil, fmt.Errorf("%s: %w: %s is not decoded here", name, ErrNoStream, track)
	}
	if d.c = C.valence_new(); d.c == nil {
		return nil, fmt.Errorf("%s: %w: no memory for a decoder", name, ErrLimit)
	}
	d.source = newSource(ctx, r, name, &d.c.file)
	if rc := C.valence_open(d.c, C.uintptr_t(d.handle), d.seekable(), kind); rc < 0 {
		return nil, errors.Join(d.failure(rc, "open the "+track.String()+" stream"), d.Close())
	}
	d.info = d.readInfo()
	return d, nil
}

// StartAt sets the capture time of the file's zero, the Unix epoch by default.
// Call it before the first Next.
func (d *Decoder) StartAt(t time.Time) { d.start = t }

// Next returns the next unit, in order of time. After the last, an ingest.End,
// it returns io.EOF for a file that was whole, else what was wrong with it.
func (d *Decoder) Next(ctx context.Context) (Unit, error) {
	for len(d.ready) == 0 {
		if d.c == nil {
			return Unit{}, fmt.Errorf("%s: %w", d.name, ErrClosed)
		}
		if d.err != nil {
			return Unit{}, d.err
		}
		if err := ctx.Err(); err != nil {
			return Unit{}, err
		}
		if rc := C.valence_next(d.c); rc < 0 {
			d.finish(rc)
			continue
		}
		if err := d.take(); err != nil {
			d.end(err)
		}
	}
	u := d.ready[0]
	d.ready = d.ready[:copy(d.ready, d.ready[1:])]
	return u, nil
}

// take turns the frame that was decoded last into units.
func (d *Decoder) take() error {
	f := d.c.frame
	stamp := d.timeline.next // a frame without a time follows the one before
	if d.c.has_time != 0 {
		stamp = time.Duration(d.c.time_ns)
	}
	at, hole, ok := d.timeline.place(stamp)
	if !ok {
		return nil
	}
	if at > MaxDuration {
		return fmt.Errorf("%s: %w: its time stamps pass %s", d.name, ErrLimit, MaxDuration)
	}
	if hole > 0 {
		d.flush()
		d.ready = append(d.ready, Unit{d.start.Add(d.timeline.next), ingest.Gap{End: d.start.Add(at), Reason: ingest.ReasonLost}})
	}
	if d.track == ingest.Audio {
		return d.takeSound(at, soundLength(int64(f.nb_samples), int64(f.sample_rate)))
	}
	d.timeline.next = max(d.timeline.next, at+d.info.frame)
	return d.takePicture(at)
}

// takePicture converts the frame if it is the first of its step.
func (d *Decoder) takePicture(at time.Duration) error {
	t := d.start.Add(at)
	step := t.UnixNano() / int64(PictureStep)
	if step <= d.taken {
		return nil
	}
	d.taken = step
	C.valence_measure_shown(d.c, MaxSide)
	p, rc := d.pictures.convert(&d.c.picture, d.c.frame)
	if rc < 0 {
		return d.failure(rc, "convert a picture")
	}
	d.ready = append(d.ready, Unit{t, p})
	return nil
}

// finish ends the stream after the library has nothing more to give.
func (d *Decoder) finish(rc C.int) {
	d.end(d.ending(rc, d.info.Duration, d.track.String()+" stream"))
}

// end gives out the rest and remembers what comes after it.
func (d *Decoder) end(err error) {
	d.flush()
	d.ready = append(d.ready, Unit{d.start.Add(max(d.timeline.next, d.sampleAt)), ingest.End{}})
	d.err = err
}

// Close frees everything but the pictures that are still in use. It may be
// called again.
func (d *Decoder) Close() error {
	if d.c == nil {
		return nil
	}
	complain(d.logger, d.name, &d.c.file.log)
	C.valence_close(d.c)
	d.c, d.ready = nil, nil
	return d.close()
}
