package memory

import (
	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/sink"
)

// View says what a Watcher sees, and how far behind it may be.
type View struct {
	// Session is the call, which need not have begun; empty sees all.
	Session string
	// Participant narrows the view to one person; empty sees everybody.
	Participant string
	// Replay begins with all events kept after the position After. Without it a
	// Watcher begins with the newest event of each participant.
	Replay bool
	After  uint64
	// Room is how many events may wait to be read, at least one.
	Room int
}

func (v View) shows(session, participant string) bool {
	return (v.Session == "" || v.Session == session) && (v.Participant == "" || v.Participant == participant)
}

// Message is one thing that a Watcher gets: an Event with its position, a
// Status, or, where both are nil, what was Lost here.
type Message struct {
	Event    *sink.Event
	Position uint64
	Status   *sink.Status
	Lost     Lost
}

// Lost counts the events that a Watcher did not read in time.
type Lost struct {
	Provisional uint64 `json:"provisional"` // another revision of their window follows
	Final       uint64 `json:"final"`       // final and corrected ones
}

// outdates reports whether a queued message is an older status of the same
// participant.
func (m Message) outdates(old Message) bool {
	return old.Status != nil && old.Status.Session == m.Status.Session && old.Status.Participant == m.Status.Participant
}

func provisional(m Message) bool { return m.Event != nil && m.Event.State == features.Provisional }
