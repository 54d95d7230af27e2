package ingest

import (
	"context"
	"errors"
)

// Errors of Seating.
var (
	// ErrFull says that no more participants or calls are taken at the moment.
	ErrFull = errors.New("no room")
	// ErrTranscript says that a message is not a transcript that can be used.
	ErrTranscript = errors.New("unusable transcript")
)

// Entry is who wants to take part in a live call.
type Entry struct {
	Session, Participant string
	// Consent lists what the person agrees to have analysed. It is added to
	// what was agreed to before; nil adds nothing.
	Consent []Modality
	// Purpose is what the call is analysed for; empty leaves it as it is.
	Purpose Purpose
}

// Seating gives out seats in live calls. Its methods may be called from any
// goroutine.
type Seating interface {
	// Join seats a participant, in a new call if there is none. One who comes
	// again goes on with the same rolling score; the older connection may stay.
	// The error wraps ErrID, ErrPurpose or ErrFull.
	Join(e Entry) (Seat, error)
}

// Seat is a participant's place in a live call, as long as one connection
// holds it. Its methods may be called from any goroutine and never wait: where
// the call cannot keep up, pictures are dropped first and counted.
type Seat interface {
	// Handle takes Samples, in order within each track. It fails only when the
	// call has ended: then the connection should end too.
	Handler
	// Track is the participant's track of a modality, the same for every
	// connection of that participant.
	Track(m Modality) *Track
	// Transcribe takes one message that holds segments, in the form that the
	// HTTP interface takes: JSON, or WebVTT where contentType says text/vtt.
	// Times may count from the participant's first media. It returns how many
	// segments were taken. The error wraps ErrTranscript.
	Transcribe(ctx context.Context, contentType string, message []byte) (int, error)
	// Drop counts what the connection had to leave out, by a reason such as
	// "lost" or "late".
	Drop(m Modality, reason string, n int)
	// Leave gives the seat back, once the tracks that it brought were ended by
	// an End.
	Leave()
}
