package codec

/*
#include "media.h"
*/
import "C"

import (
	"errors"
	"fmt"
)

// What can be wrong with media. Everything of a file that could be decoded has
// been delivered before ErrTruncated, ErrDamaged or a late ErrLimit is returned.
// None of them goes away by trying again with the same data.
var (
	// ErrFormat: not a container that we read, or its header is broken or was
	// cut off. Convert the file or record it anew.
	ErrFormat = errors.New("not a readable media file")
	// ErrNoStream: the file has no stream of the wanted modality, or none that
	// can be decoded.
	ErrNoStream = errors.New("no such stream")
	// ErrTruncated: the file ends before its announced end.
	ErrTruncated = errors.New("media file is cut off")
	// ErrDamaged: parts of the file, or this packet of a live stream, could not be
	// decoded and were left out.
	ErrDamaged = errors.New("media is damaged")
	// ErrLimit: larger, faster or longer than the limits of this package.
	ErrLimit = errors.New("media exceeds a limit")
	// ErrKeyFrame: a live stream of pictures cannot go on before a key frame; ask
	// its sender for one (RFC 4585, 6.3.1).
	ErrKeyFrame = errors.New("waiting for a key frame")
	// ErrClosed: the decoder has been closed.
	ErrClosed = errors.New("decoder is closed")
)

// libError gives a failure code of the library its place among our errors;
// other is for the codes that mean nothing particular. doing says what failed, log
// what the library said about it.
func libError(code C.int, other error, doing string, log *C.valence_log) error {
	kind := other
	switch code {
	case C.VALENCE_NO_STREAM, C.VALENCE_NO_DECODER:
		kind = ErrNoStream
	case C.VALENCE_LIMIT, C.VALENCE_NO_MEMORY:
		kind = ErrLimit
	}
	var text [C.AV_ERROR_MAX_STRING_SIZE]C.char
	said := ""
	switch {
	case log.complaints > 0:
		said = C.GoString(&log.complaint[0])
	case C.av_strerror(code, &text[0], C.AV_ERROR_MAX_STRING_SIZE) == 0:
		said = C.GoString(&text[0])
	}
	return fmt.Errorf("%w: %s: %s", kind, doing, said)
}
