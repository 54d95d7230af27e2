package codec

/*
#include "media.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime/cgo"
	"time"
)

// source is what a Decoder and a Packets have in common: where the file comes
// from, and what is said when something is wrong with it.
type source struct {
	in     *input
	handle cgo.Handle
	file   *os.File // nil if the reader belongs to the caller
	name   string
	f      *C.valence_file
}

// newSource must be followed by close.
func newSource(ctx context.Context, r io.Reader, name string, f *C.valence_file) source {
	in := &input{r: r, canceled: ctx.Err}
	return source{in: in, handle: cgo.NewHandle(in), name: name, f: f}
}

func (s *source) seekable() C.int {
	if _, ok := s.in.r.(io.Seeker); ok {
		return 1
	}
	return 0
}

// ending says why nothing follows: io.EOF for a file that was whole. announced
// is how long the file said that it is, what names what was read of it.
func (s *source) ending(rc C.int, announced time.Duration, what string) error {
	f, read := s.f, time.Duration(s.f.read_ns)
	switch {
	case s.in.err != nil || rc == C.VALENCE_LIMIT:
		return s.failure(rc, "read")
	case announced > read+time.Second, f.cut != 0 && !s.in.endless():
		return fmt.Errorf("%s: %w: it ends after %s, %s were announced", s.name, ErrTruncated, read.Round(time.Millisecond), max(announced, read).Round(time.Millisecond))
	case rc != C.VALENCE_EOF, f.damaged > 0:
		return fmt.Errorf("%s: %w: %d of %d packets of the %s were lost (%s)", s.name, ErrDamaged, f.damaged, f.packets, what, C.GoString(&f.log.complaint[0]))
	default:
		return io.EOF
	}
}

// failure explains a failure code: by the context or the reader, if they are
// the cause, else by the library.
func (s *source) failure(rc C.int, doing string) error {
	var named *fs.PathError
	switch {
	case errors.As(s.in.err, &named) && named.Path == s.name:
		return s.in.err // it says "read" and the name itself
	case s.in.err != nil:
		return fmt.Errorf("read %s: %w", s.name, s.in.err)
	}
	return fmt.Errorf("%s: %w", s.name, libError(rc, ErrFormat, doing, &s.f.log))
}

// close follows the release of f.
func (s *source) close() error {
	s.handle.Delete()
	s.f = nil
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// complain passes on what the library said of name.
func complain(logger *slog.Logger, name string, log *C.valence_log) {
	if log.complaints > 0 {
		logger.Debug("the codec library complained", slog.String("of", name), slog.String("first", C.GoString(&log.complaint[0])), slog.Int64("count", int64(log.complaints)))
	}
}
