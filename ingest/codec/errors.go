package codec

/*
#include "media.h"
*/
import "C"

import (
	"errors"
	"fmt"
)

// What can be wrong with a media file. Everything that could be decoded has
// been delivered before ErrTruncated, ErrDamaged or a late ErrLimit is
// returned; none of them goes away by trying again.
var (
	// ErrFormat: not a container that we read, or its header is broken or was
	// cut off. Convert the file or record it anew.
	ErrFormat = errors.New("not a readable media file")
	// ErrNoStream: the file has no stream of the wanted modality, or none that
	// can be decoded.
	ErrNoStream = errors.New("no such stream")
	// ErrTruncated: the file ends before its announced end.
	ErrTruncated = errors.New("media file is cut off")
	// ErrDamaged: parts of the file could not be decoded and were left out.
	ErrDamaged = errors.New("media file is damaged")
	// ErrLimit: larger, faster or longer than the limits of this package.
	ErrLimit = errors.New("media file exceeds a limit")
	// ErrClosed: the decoder has been closed.
	ErrClosed = errors.New("decoder is closed")
)

// libError gives a failure code of the library its place among our errors.
// doing says what failed, complaint what the library said about it.
func libError(code C.int, doing, complaint string) error {
	var kind error
	switch code {
	case C.VALENCE_NO_STREAM, C.VALENCE_NO_DECODER:
		kind = ErrNoStream
	case C.VALENCE_LIMIT:
		kind = ErrLimit
	default:
		kind = ErrFormat
	}
	var text [C.AV_ERROR_MAX_STRING_SIZE]C.char
	said := complaint
	if said == "" && C.av_strerror(code, &text[0], C.AV_ERROR_MAX_STRING_SIZE) == 0 {
		said = C.GoString(&text[0])
	}
	return fmt.Errorf("%w: %s: %s", kind, doing, said)
}
