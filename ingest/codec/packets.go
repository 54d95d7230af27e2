package codec

/*
#include "packets.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"
	"unsafe"
)

// Packet is one encoded unit of a file: a packet of sound, or an access unit of
// pictures.
type Packet struct {
	Stream int // index in Packets.Streams
	// Time is when the first sample or picture that is decoded from it was
	// captured, since the file's zero; a little less than 0 where the encoder
	// looked ahead (RFC 7845, 4.2). Packets come in the order of decoding.
	Time time.Duration
	// Duration is how long the container says that it lasts; 0 if it does not.
	Duration time.Duration
	// Data is valid until the next call of Next or Close. H.264 is in the form of
	// Annex B, with parameter sets before each IDR picture.
	Data []byte
	Key  bool // can be decoded without the packets before it
}

// Packets takes a file apart without decoding it. It is used by one goroutine at
// a time, and closed by the one who opened it.
type Packets struct {
	source
	c       *C.valence_packets
	streams []Stream
	index   []int // in streams, of each stream of the file
	last    []time.Duration
	data    []byte
	logger  *slog.Logger
}

// OpenPackets opens a file. ctx bounds the whole life of Packets: once it is
// cancelled, Next returns its error. logger gets what the library says, at debug
// level.
func OpenPackets(ctx context.Context, path string, logger *slog.Logger) (*Packets, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &Packets{logger: logger, c: C.valence_packets_new()}
	if p.c == nil {
		return nil, errors.Join(fmt.Errorf("%s: %w: no memory to read it", path, ErrLimit), f.Close())
	}
	p.source = newSource(ctx, f, path, &p.c.file)
	p.file = f
	if rc := C.valence_packets_open(p.c, C.uintptr_t(p.handle), p.seekable()); rc < 0 {
		return nil, errors.Join(p.failure(rc, "open"), p.Close())
	}
	p.streams, p.index = readStreams(p.c.file.format)
	p.last = make([]time.Duration, len(p.streams))
	if len(p.streams) == 0 {
		return nil, errors.Join(fmt.Errorf("%s: %w: it has neither sound nor pictures", path, ErrNoStream), p.Close())
	}
	return p, nil
}

// Streams lists the streams of sound and of pictures.
func (p *Packets) Streams() []Stream { return slices.Clone(p.streams) }

// Next returns the next packet. After the last it returns io.EOF for a file that
// was whole, else what was wrong with it.
func (p *Packets) Next() (Packet, error) {
	if p.c == nil {
		return Packet{}, fmt.Errorf("%s: %w", p.name, ErrClosed)
	}
	for {
		if rc := C.valence_packets_next(p.c); rc < 0 {
			return Packet{}, p.ending(rc, 0, "streams")
		}
		c := p.c.packet
		file := int(c.stream_index)
		if file >= len(p.index) || p.index[file] < 0 {
			continue // a stream that appeared later
		}
		out := Packet{Stream: p.index[file], Duration: time.Duration(p.c.duration_ns), Key: c.flags&C.AV_PKT_FLAG_KEY != 0}
		out.Time = p.last[out.Stream] // a packet without a time follows the one before
		if p.c.has_time != 0 {
			out.Time = time.Duration(p.c.time_ns)
		}
		p.last[out.Stream] = out.Time + out.Duration
		p.data = append(p.data[:0], unsafe.Slice((*byte)(c.data), int(c.size))...)
		out.Data = p.data
		return out, nil
	}
}

// Close frees everything. It may be called again.
func (p *Packets) Close() error {
	if p.c == nil {
		return nil
	}
	complain(p.logger, p.name, &p.c.file.log)
	C.valence_packets_close(p.c)
	p.c = nil
	return p.close()
}
