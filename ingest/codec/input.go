package codec

/*
#include "media.h"
*/
import "C"

import (
	"bytes"
	"errors"
	"io"
	"runtime/cgo"
	"unsafe"
)

// input is what the library reads from. It is reached from C by a cgo.Handle,
// on the goroutine that called into C.
type input struct {
	r        io.Reader
	canceled func() error
	err      error // why reading stopped, other than the end
	head     []byte
}

// endless tells a WAV file that was written to a pipe: its length is not known
// in its header, so that no length can be missing.
func (in *input) endless() bool {
	const size = "\xff\xff\xff\xff"
	return len(in.head) >= 8 && string(in.head[:8]) == "RIFF"+size
}

//export valenceRead
func valenceRead(handle C.uintptr_t, buffer *C.uint8_t, size C.int) C.int {
	in := cgo.Handle(handle).Value().(*input)
	if in.err = in.canceled(); in.err != nil {
		return C.VALENCE_EXIT
	}
	data := unsafe.Slice((*byte)(buffer), int(size))
	// A reader may give nothing for a while, but not for ever.
	for range 100 {
		n, err := in.r.Read(data)
		switch {
		case n > 0:
			if in.head == nil {
				in.head = bytes.Clone(data[:min(n, 8)])
			}
			return C.int(n) // an error comes again with the next call
		case errors.Is(err, io.EOF):
			return C.VALENCE_EOF
		case err != nil:
			in.err = err
			return C.VALENCE_EXIT
		}
	}
	in.err = io.ErrNoProgress
	return C.VALENCE_EXIT
}

//export valenceSeek
func valenceSeek(handle C.uintptr_t, offset C.int64_t, whence C.int) C.int64_t {
	in := cgo.Handle(handle).Value().(*input)
	s, ok := in.r.(io.Seeker)
	if !ok {
		return -1
	}
	if whence&C.AVSEEK_SIZE != 0 {
		return size(s)
	}
	at, err := s.Seek(int64(offset), int(whence&^C.AVSEEK_FORCE))
	if err != nil {
		return -1
	}
	return C.int64_t(at)
}

func size(s io.Seeker) C.int64_t {
	here, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return -1
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return -1
	}
	if _, err := s.Seek(here, io.SeekStart); err != nil {
		return -1
	}
	return C.int64_t(end)
}
