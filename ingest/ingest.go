// Package ingest holds the words for what came in, and when.
//
// A Session is one call, a Participant one person in it, a Track one modality
// of one participant, and a Sample one decoded unit of one track with the time
// at which it was captured. A Source (a file, a WebRTC peer, a Kafka topic)
// delivers Samples to a Handler. Nothing in this package does I/O.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Modality is one of the three streams of a person. The order is that of the
// model's tensors and never changes.
type Modality uint8

// The three modalities.
const (
	Text Modality = iota
	Audio
	Video

	// NumModalities is how many there are: the length of arrays indexed by Modality.
	NumModalities = 3
)

// Modalities lists the three in tensor order, to range over.
func Modalities() [NumModalities]Modality { return [NumModalities]Modality{Text, Audio, Video} }

// String returns the name used in events, metrics and flags.
func (m Modality) String() string {
	switch m {
	case Text:
		return "text"
	case Audio:
		return "audio"
	case Video:
		return "video"
	default:
		return fmt.Sprintf("modality(%d)", uint8(m))
	}
}

// ErrModality says that a name is none of text, audio, video.
var ErrModality = errors.New("unknown modality")

// ParseModality reads "text", "audio" or "video".
func ParseModality(name string) (Modality, error) {
	for _, m := range Modalities() {
		if name == m.String() {
			return m, nil
		}
	}
	return 0, fmt.Errorf("%w %q: use text, audio or video", ErrModality, name)
}

// Sample is one decoded unit of one track.
//
// The receiver owns the payload once Handle was called with it. Time is the
// capture time of the payload's beginning; the Samples of one track come in
// the order of Time unless its source says otherwise.
type Sample struct {
	Track   *Track
	Time    time.Time
	Clock   Clock
	Payload Payload
	// Receipt is released when nothing in the program needs the sample any
	// more; nil for a source that cannot be acknowledged.
	Receipt *Receipt
}

// Handler takes the Samples of a Source.
//
// Handle blocks while the stages behind it are full: that is the back-pressure.
// An error ends the Source. A Source calls Handle from one goroutine.
type Handler interface {
	Handle(ctx context.Context, s Sample) error
}

// Source delivers Samples until it ends, fails or ctx is cancelled.
type Source interface {
	// Run returns nil at the regular end. A source that broke in the middle has
	// delivered every Sample up to there before Run returns its error.
	Run(ctx context.Context, h Handler) error
}
