package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
)

// decode reads the value into m. Fields that are not known are ignored.
func decode(r Record, m proto.Message) error {
	kind, err := kindOf(m)
	if err != nil {
		return err
	}
	if err = r.is(kind); err != nil {
		return err
	}
	form, err := r.Form()
	if err != nil {
		return err
	}
	if form == JSON {
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(r.Value, m)
	} else {
		err = proto.Unmarshal(r.Value, m)
	}
	if err != nil {
		return poison(ReasonMalformed, fmt.Errorf("the value is no %s in %s: %w", kind, form, err))
	}
	return nil
}

// DecodeMedia reads a record of valence.media. The message has one of its kinds,
// with data, a codec and a time; whether the codec is known is the caller's to
// say. The error is a *PoisonError, as of the other functions.
func DecodeMedia(r Record) (*valencev1.Media, error) {
	m := new(valencev1.Media)
	if err := decode(r, m); err != nil {
		return nil, err
	}
	return checked(m, checkMedia(m))
}

// DecodeControl reads a record of valence.control. The message has a time and
// one of its kinds, of which words are known.
func DecodeControl(r Record) (*valencev1.Control, error) {
	m := new(valencev1.Control)
	if err := decode(r, m); err != nil {
		return nil, err
	}
	return checked(m, checkControl(m))
}

// DecodeFeatures reads a record of valence.features. Steps of a kind that is not
// known are left out; features/unitpb reads the others.
func DecodeFeatures(r Record) (*valencev1.Features, error) {
	m := new(valencev1.Features)
	if err := decode(r, m); err != nil {
		return nil, err
	}
	return checked(m, checkFeatures(m))
}

// DecodeState reads a record of valence.state.
func DecodeState(r Record) (*valencev1.State, error) {
	m := new(valencev1.State)
	if err := decode(r, m); err != nil {
		return nil, err
	}
	return checked(m, checkState(m))
}

// DecodeEvent reads a record of valence.events or valence.scores that is not a
// tombstone.
func DecodeEvent(r Record) (*valencev1.Event, error) {
	m := new(valencev1.Event)
	if err := decode(r, m); err != nil {
		return nil, err
	}
	return checked(m, checkEvent(m))
}

func checked[M any](m *M, err error) (*M, error) {
	if err != nil {
		return nil, err
	}
	return m, nil
}
