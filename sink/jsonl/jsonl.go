// Package jsonl is a sink that writes one line of JSON for each event, and
// reads such lines back.
package jsonl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"syscall"

	"github.com/valence-live/valence/sink"
)

// ErrReaderGone says that the other end of the pipe was closed: nobody reads
// any more, and a command ends quietly.
var ErrReaderGone = errors.New("the reader of the events has gone")

// Writer writes events to an io.Writer.
//
// Each event is one Write of a whole line, at once: a reader that follows never
// waits, and nothing is lost with the process. Repeats and corrections are
// appended; a reader keeps the highest revision of an id. After a failed Write
// the last line may be torn, so the Writer fails with the same error from then
// on.
type Writer struct {
	mu     sync.Mutex
	w      io.Writer
	err    error
	closed bool
}

// New returns a Writer. The caller keeps the io.Writer and closes it after the
// Writer.
func New(w io.Writer) *Writer { return &Writer{w: w} }

// Publish implements sink.Publisher.
func (w *Writer) Publish(ctx context.Context, e *sink.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	line, err := sink.Encode(e)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return sink.ErrClosed
	case w.err != nil:
		return w.err
	}
	if _, err := w.w.Write(append(line, '\n')); err != nil {
		w.err = failed(err)
	}
	return w.err
}

func failed(err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("%w: %w", ErrReaderGone, err)
	}
	return fmt.Errorf("write events: %w", err)
}

// Close refuses further events and flushes the io.Writer if it can be flushed,
// as a bufio.Writer can. It returns the first error of the Writer.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return w.err
	}
	w.closed = true
	if f, ok := w.w.(interface{ Flush() error }); ok && w.err == nil {
		if err := f.Flush(); err != nil {
			w.err = failed(err)
		}
	}
	return w.err
}

// Read returns the events of r in their order, repeats and all. Empty lines are
// passed over; the first error ends it, with the number of the line.
func Read(r io.Reader) iter.Seq2[*sink.Event, error] {
	return func(yield func(*sink.Event, error) bool) {
		const longest = 1 << 20
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, longest)
		n := 0
		for lines.Scan() {
			n++
			if len(lines.Bytes()) == 0 {
				continue
			}
			e, err := sink.Decode(lines.Bytes())
			if err != nil {
				yield(nil, fmt.Errorf("line %d: %w", n, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(nil, fmt.Errorf("line %d: %w", n+1, err))
		}
	}
}
