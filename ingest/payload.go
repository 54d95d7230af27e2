package ingest

import "time"

// Payload is what a Sample holds: one of PCM, *Picture, Segment, Gap, Progress
// or End. The set is closed.
type Payload interface{ payload() }

// AudioRate is the sample rate of every PCM that leaves ingest, in hertz.
const AudioRate = 16000

// PCM is mono audio at AudioRate, in [-1, 1].
type PCM []float32

// Duration returns how long the audio lasts.
func (p PCM) Duration() time.Duration {
	return time.Duration(len(p)) * time.Second / AudioRate
}

// Segment is a stretch of transcript: a cue of a file or a result of a speech
// recogniser. A later Segment with the same ID replaces the earlier one whole.
type Segment struct {
	ID         string // unique within the track
	Start, End time.Time
	Text       string
	// Words carry the time of each word where the source knows it; otherwise
	// empty, and the words are spread over the segment.
	Words []Word
	// Final is false while a recogniser may still change the segment.
	Final bool
}

// Word is one word of a Segment and when it was spoken.
type Word struct {
	Text       string
	Start, End time.Time
}

// Gap says that the track has nothing to give from the Sample's Time until End.
type Gap struct {
	End    time.Time
	Reason Reason
}

// Progress says that every Sample of this track that begins before the Time of
// the Sample has been delivered. Tracks with data at irregular times
// (transcripts) send it so that windows need not wait for them.
type Progress struct{}

// End says that the track ends at the Time of the Sample; nothing follows.
type End struct {
	// Reason says why there is nothing from here on; empty at a regular end.
	Reason Reason
}

func (PCM) payload()      {}
func (*Picture) payload() {}
func (Segment) payload()  {}
func (Gap) payload()      {}
func (Progress) payload() {}
func (End) payload()      {}

// Reason says why a stream, or a stretch of it, has nothing usable. The values
// are those of the event.
type Reason string

// Why a stream is absent.
const (
	ReasonMuted     Reason = "muted"      // sends black or silence on purpose
	ReasonNoTrack   Reason = "no_track"   // was never there, or has ended
	ReasonNoFace    Reason = "no_face"    // pictures without a face
	ReasonNoWords   Reason = "no_words"   // a transcript without words in this window
	ReasonNoSpeech  Reason = "no_speech"  // sound without speech
	ReasonLost      Reason = "lost"       // expected and did not come
	ReasonNoConsent Reason = "no_consent" // the person did not agree, or no longer
	ReasonPolicy    Reason = "policy"     // the operator left it out
	ReasonShed      Reason = "shed"       // left out under overload
)
