package wire

// Kind is what a record holds. Each kind has a topic of its own.
type Kind string

// The kinds of record.
const (
	Media      Kind = "media"
	Transcript Kind = "transcript"
	Control    Kind = "control"
	Features   Kind = "features"
	State      Kind = "state"
	Event      Kind = "event"
)

// Kinds lists all kinds, to range over.
func Kinds() []Kind { return []Kind{Media, Transcript, Control, Features, State, Event} }

// The topics, where the configuration does not name others.
const (
	TopicMedia       = "valence.media"
	TopicTranscripts = "valence.transcripts"
	TopicControl     = "valence.control"
	TopicFeatures    = "valence.features"
	TopicState       = "valence.state"  // compacted
	TopicEvents      = "valence.events" // delete
	TopicScores      = "valence.scores" // compacted
	TopicDeadLetter  = "valence.dead-letter"
)

// Type is the kind as the CloudEvents attribute type names it.
func (k Kind) Type() string { return typePrefix + string(k) + typeSuffix }

const (
	typePrefix = "live.valence."
	typeSuffix = ".v1"
)
