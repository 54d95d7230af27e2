package eventpb

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/sink"
)

// Encode makes a record of an Event, with the session as its key. source is who
// writes it, as a URI reference.
//
// In JSON the value is what sink.Encode prints. ce_id is the event's id and
// revision, so a repeat has the same one.
func Encode(e *sink.Event, form wire.Form, source string) (wire.Record, error) {
	var value []byte
	var err error
	if form == wire.JSON {
		value, err = sink.Encode(e)
	} else {
		value, err = encode(e)
	}
	if err != nil {
		return wire.Record{}, err
	}
	return wire.Wrap(wire.Event, e.Session, form, value, wire.Meta{
		ID: e.ID + "#" + strconv.Itoa(e.Revision), Source: source, Time: e.Window.End,
		Participant: e.Participant, Traceparent: e.Traceparent,
	}), nil
}

func encode(e *sink.Event) ([]byte, error) {
	m, err := FromEvent(e)
	if err != nil {
		return nil, err
	}
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode event %q: %w", e.ID, err)
	}
	return value, nil
}

// Decode reads what Encode wrote. Its error is a *wire.PoisonError.
func Decode(r wire.Record) (*sink.Event, error) {
	m, err := wire.DecodeEvent(r)
	if err != nil {
		return nil, err
	}
	e, err := ToEvent(m)
	if err != nil {
		return nil, &wire.PoisonError{Reason: wire.ReasonInvalid, Err: err}
	}
	return e, nil
}

// ScoreKey is the key of a participant's record in the compacted topics
// valence.scores and valence.state. No id has a '/'.
func ScoreKey(session, participant string) string { return session + "/" + participant }
