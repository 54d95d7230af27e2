package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
)

// Encode makes a record of a message of api/valence/v1. It fails only on text
// that is not UTF-8 and times that no calendar has.
func Encode(key string, m proto.Message, form Form, meta Meta) (Record, error) {
	kind, err := kindOf(m)
	if err != nil {
		return Record{}, err
	}
	value, err := marshal(m, form)
	if err != nil {
		return Record{}, fmt.Errorf("encode a record of %s: %w", kind, err)
	}
	return Wrap(kind, key, form, value, meta), nil
}

func marshal(m proto.Message, form Form) ([]byte, error) {
	if form == JSON {
		if t, ok := m.(*valencev1.Transcript); ok {
			return segments(t)
		}
		return protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// kindOf says which kind of record holds such a message.
func kindOf(m proto.Message) (Kind, error) {
	switch m.(type) {
	case *valencev1.Media:
		return Media, nil
	case *valencev1.Transcript:
		return Transcript, nil
	case *valencev1.Control:
		return Control, nil
	case *valencev1.Features:
		return Features, nil
	case *valencev1.State:
		return State, nil
	case *valencev1.Event:
		return Event, nil
	default:
		return "", fmt.Errorf("no record holds a %T", m)
	}
}
