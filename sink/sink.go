// Package sink is where a Score leaves the program: as an Event, through a
// Publisher. Every Publisher passes the suite in sink/sinktest.
package sink

import (
	"context"
	"errors"
)

// ErrClosed says that a sink takes no more Events because it was closed.
var ErrClosed = errors.New("the sink is closed")

// Publisher hands Events to the outside.
//
// Publish may be called from several goroutines; the Events of one participant
// come from one goroutine in the order in which they must appear. When Publish
// returns nil the Event is delivered as far as the sink promises. An id and
// revision that was published before is published again without harm: readers
// keep the highest revision of an id. The Event is read-only and may be kept.
// A ctx that is done before delivery began delivers nothing and its error comes
// back. Publish after Close returns ErrClosed.
type Publisher interface {
	Publish(ctx context.Context, e *Event) error
}
