package codec

/*
#include "media.h"
*/
import "C"

import (
	"time"
	"unsafe"

	"github.com/valence-live/valence/ingest"
)

// Info is what a file says of itself.
type Info struct {
	Format string // the container, as FFmpeg names it
	// Created is when the recording began; zero if the file does not say.
	Created time.Time
	// Duration is what the container announces; 0 if nothing.
	Duration time.Duration
	Streams  []Stream
	// Chosen is the index in Streams of the one that is decoded.
	Chosen int

	frame time.Duration // how long a picture lasts
}

// Stream is one elementary stream of a file, of sound or of pictures.
type Stream struct {
	Track         ingest.Modality
	Codec         string // as FFmpeg names it
	Width, Height int    // of pictures, as coded
	Rate          int    // of sound, in hertz
	Channels      int
}

// Info returns what the file says of itself.
func (d *Decoder) Info() Info { return d.info }

func (d *Decoder) readInfo() Info {
	f := d.c.file.format
	info := Info{Format: C.GoString(f.iformat.name), Created: created(f)}
	// Not a guess by the bit rate, which says nothing of where the file should end.
	if f.duration > 0 && f.duration_estimation_method != C.AVFMT_DURATION_FROM_BITRATE {
		info.Duration = time.Duration(min(int64(f.duration), int64(MaxDuration/time.Microsecond))) * time.Microsecond
	}
	streams, index := readStreams(f)
	info.Streams = streams
	info.Chosen = index[d.c.stream]
	info.frame = frameDuration(unsafe.Slice(f.streams, f.nb_streams)[d.c.stream].avg_frame_rate)
	return info
}

// readStreams lists the streams of sound and of pictures, and says which of
// them, or -1, each stream of the file is.
func readStreams(f *C.AVFormatContext) (streams []Stream, index []int) {
	for _, s := range unsafe.Slice(f.streams, f.nb_streams) {
		p := s.codecpar
		stream := Stream{Codec: C.GoString(C.avcodec_get_name(p.codec_id))}
		switch p.codec_type {
		case C.AVMEDIA_TYPE_AUDIO:
			stream.Track, stream.Rate, stream.Channels = ingest.Audio, int(p.sample_rate), int(p.ch_layout.nb_channels)
		case C.AVMEDIA_TYPE_VIDEO:
			stream.Track, stream.Width, stream.Height = ingest.Video, int(p.width), int(p.height)
		default:
			index = append(index, -1)
			continue
		}
		index = append(index, len(streams))
		streams = append(streams, stream)
	}
	return streams, index
}

// frameDuration is at most a PictureStep; 40 ms where the file does not say.
func frameDuration(rate C.AVRational) time.Duration {
	if rate.num <= 0 || rate.den <= 0 {
		return 40 * time.Millisecond
	}
	return min(time.Duration(float64(time.Second)*float64(rate.den)/float64(rate.num)), PictureStep)
}

// created reads the container's creation time. Recorders that have no clock
// write the zero of theirs (1904, 1970): that is no time.
func created(f *C.AVFormatContext) time.Time {
	key := C.CString("creation_time")
	defer C.free(unsafe.Pointer(key))
	entry := C.av_dict_get(f.metadata, key, nil, 0)
	if entry == nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, C.GoString(entry.value))
	if err != nil || t.Unix() <= 0 || t.Year() > 2200 {
		return time.Time{}
	}
	return t.UTC()
}
