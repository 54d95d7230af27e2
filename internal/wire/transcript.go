package wire

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
)

// DecodeTranscript reads a record of valence.transcripts as ingest/transcript's
// ParseLive takes it: as one JSON segment or a list of them, whatever its form
// was. JSON is handed on unread: what is wrong there ParseLive says.
func DecodeTranscript(r Record) ([]byte, error) {
	if err := r.is(Transcript); err != nil {
		return nil, err
	}
	form, err := r.Form()
	if err != nil {
		return nil, err
	}
	if form == JSON {
		return r.Value, nil
	}
	m := new(valencev1.Transcript)
	if err = proto.Unmarshal(r.Value, m); err != nil {
		return nil, poison(ReasonMalformed, fmt.Errorf("the value is no %s in %s: %w", Transcript, form, err))
	}
	list, err := segments(m)
	if err != nil {
		return nil, poison(ReasonInvalid, err)
	}
	return list, nil
}

// segments is the JSON of a transcript: the list alone.
func segments(t *valencev1.Transcript) ([]byte, error) {
	var list bytes.Buffer
	list.WriteByte('[')
	for i, s := range t.GetSegments() {
		one, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(s)
		if err != nil {
			return nil, fmt.Errorf("segment %d: %w", i+1, err)
		}
		if i > 0 {
			list.WriteByte(',')
		}
		list.Write(one)
	}
	list.WriteByte(']')
	return list.Bytes(), nil
}
