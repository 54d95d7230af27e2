package transcript

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/valence-live/valence/ingest"
)

// Limits of one live message.
const (
	MaxMessage  = 256 << 10 // bytes
	MaxSegments = 100
	MaxWords    = 2000 // in one segment
	MaxLength   = 10 * time.Minute
)

// The media types of a live message.
const (
	TypeJSON = "application/json"
	TypeVTT  = "text/vtt"
)

// ErrType says that a media type is none of those; it wraps ingest.ErrTranscript.
var ErrType = fmt.Errorf("%w: unknown media type", ingest.ErrTranscript)

// ParseLive reads one message of a live call: a JSON segment or a list of them,
// or WebVTT. An empty contentType leaves the choice to the first bytes.
//
// The segments come in the order of the message, drafts (final is false) among
// them; final is true where it is not stated. An id is percent-encoded as Read
// does it, and is needed for a draft. Segments that say nothing and replace
// nothing are left out; fields that are not known are ignored. The error wraps
// ingest.ErrTranscript and names the segment and word, or the line.
func ParseLive(contentType string, message []byte) ([]Segment, error) {
	kind, err := mediaType(contentType, message)
	if err != nil {
		return nil, err
	}
	if len(message) > MaxMessage {
		return nil, fmt.Errorf("%w: the message has %d bytes, at most %d are taken; send fewer segments at once", ingest.ErrTranscript, len(message), MaxMessage)
	}
	message = bytes.TrimPrefix(message, []byte("\ufeff"))
	if !utf8.Valid(message) {
		return nil, fmt.Errorf("%w: line %d is not UTF-8", ingest.ErrTranscript, lineOfInvalid(message))
	}
	var list []Segment
	if kind == TypeVTT {
		list, err = liveVTT(message)
	} else {
		list, err = liveJSON(message)
	}
	if err == nil && len(list) > MaxSegments {
		err = fmt.Errorf("%d segments, at most %d are taken at once", len(list), MaxSegments)
	}
	out := list[:0]
	for i := range list {
		if err != nil {
			break
		}
		if err = list[i].check(); err == nil && (list[i].ID != "" || list[i].Text != "") {
			out = append(out, list[i])
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ingest.ErrTranscript, err)
	}
	return out, nil
}

// mediaType says which of the two types a message has.
func mediaType(contentType string, message []byte) (string, error) {
	if contentType == "" {
		if bytes.HasPrefix(bytes.TrimPrefix(message, []byte("\ufeff")), []byte("WEBVTT")) {
			return TypeVTT, nil
		}
		return TypeJSON, nil
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if kind == "" || err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || kind != TypeJSON && kind != TypeVTT {
		return "", fmt.Errorf("%w %.60q: send %s or %s", ErrType, contentType, TypeJSON, TypeVTT)
	}
	return kind, nil
}

func liveVTT(message []byte) ([]Segment, error) {
	cues, err := parseVTT(lines(message))
	list := make([]Segment, len(cues))
	for i, c := range cues {
		s := &list[i]
		s.where, s.ID, s.Text, s.Final = c.where, c.id, c.text, true
		s.start, s.end = moment{since: c.start}, moment{since: c.end}
		for _, w := range c.words {
			s.words = append(s.words, timedWord{w.text, moment{since: w.start}, moment{since: w.end}})
		}
	}
	return list, err
}

func liveJSON(message []byte) ([]Segment, error) {
	stated, err := decodeJSON(message)
	if err != nil {
		return nil, err
	}
	list := make([]Segment, len(stated))
	for i, in := range stated {
		s := &list[i]
		s.where, s.ID, s.Text, s.Final = fmt.Sprintf("segment %d", i+1), in.ID, in.Text, in.Final == nil || *in.Final
		if s.start, s.end, err = in.moments(); err != nil {
			return nil, fmt.Errorf("%s: %w", s.where, err)
		}
		for j, w := range in.Words {
			from, to, err := w.moments()
			if err == nil && to.before(from) {
				err = errors.New("it ends before it begins")
			}
			if err != nil {
				return nil, fmt.Errorf("%s, word %d: %w", s.where, j+1, err)
			}
			if text := strings.TrimSpace(w.Text); text != "" {
				s.words = append(s.words, timedWord{text, from, to})
			}
		}
	}
	return list, nil
}
