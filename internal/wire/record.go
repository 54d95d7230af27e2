package wire

import (
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"

	"github.com/valence-live/valence/ingest"
)

// Record is a record of a topic, without its place there.
type Record struct {
	Key, Value []byte
	Headers    []Header
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// The headers of a record.
const (
	HeaderContentType = "content-type"
	HeaderParticipant = "participant"
	HeaderTraceparent = "traceparent"

	headerSpecVersion = "ce_specversion"
	headerID          = "ce_id"
	headerSource      = "ce_source"
	headerType        = "ce_type"
	headerTime        = "ce_time"
)

// Form is how a value is encoded: its media type.
type Form string

// The forms of a value.
const (
	Protobuf Form = "application/protobuf"
	JSON     Form = "application/json"
)

// Header returns the last header of that name; names are compared without case,
// since some clients capitalise them.
func (r Record) Header(name string) (value string, ok bool) {
	for _, h := range slices.Backward(r.Headers) {
		if strings.EqualFold(h.Key, name) {
			return string(h.Value), true
		}
	}
	return "", false
}

// Traceparent returns the trace in which the record was written, or nothing.
func (r Record) Traceparent() string {
	value, _ := r.Header(HeaderTraceparent)
	return value
}

// Who returns the session and the participant that the record is about; the
// participant is empty where there is no such header. The error is a
// *PoisonError.
func (r Record) Who() (session, participant string, err error) {
	session = string(r.Key)
	participant, named := r.Header(HeaderParticipant)
	check := participant
	if !named {
		check = "-" // a call without a participant: the session alone is checked
	}
	if _, err := ingest.NewParticipant(session, check); err != nil {
		return "", "", poison(ReasonID, fmt.Errorf("the key is the session, the header %s the participant: %w", HeaderParticipant, err))
	}
	return session, participant, nil
}

// Form returns how the value is encoded.
func (r Record) Form() (Form, error) {
	value, ok := r.Header(HeaderContentType)
	if !ok || value == "" {
		return JSON, nil
	}
	kind, _, err := mime.ParseMediaType(value)
	if err == nil {
		switch kind {
		case string(Protobuf), "application/x-protobuf", "application/vnd.google.protobuf":
			return Protobuf, nil
		case string(JSON):
			return JSON, nil
		}
	}
	return "", poison(ReasonContentType, fmt.Errorf("the content-type is %.80q: send %s or %s", value, Protobuf, JSON))
}

// is reports as an error that the record says itself to be something else.
func (r Record) is(kind Kind) error {
	if version, ok := r.Header(headerSpecVersion); ok && version != specVersion {
		return poison(ReasonVersion, fmt.Errorf("the record follows CloudEvents %.20q: send %s", version, specVersion))
	}
	stated, ok := r.Header(headerType)
	if ok && strings.HasPrefix(stated, typePrefix) && stated != kind.Type() {
		return poison(ReasonKind, fmt.Errorf("the record says that it is a %.80q; here belongs %s", stated, kind.Type()))
	}
	return nil
}

const specVersion = "1.0"

// Meta is what a record says besides its value.
type Meta struct {
	// ID is the same for a repeat, and for nothing else of the same source.
	ID string
	// Source is who wrote it, as a URI reference.
	Source string
	// Time is when it happened, in capture time.
	Time time.Time
	// Participant and Traceparent may be empty.
	Participant, Traceparent string
}

// Wrap makes a record of a value that is encoded already. It owns the value
// from then on.
func Wrap(kind Kind, key string, form Form, value []byte, meta Meta) Record {
	headers := make([]Header, 0, 8)
	add := func(name, value string) {
		if value != "" {
			headers = append(headers, Header{name, []byte(value)})
		}
	}
	add(HeaderContentType, string(form))
	add(headerSpecVersion, specVersion)
	add(headerID, meta.ID)
	add(headerSource, meta.Source)
	add(headerType, kind.Type())
	if !meta.Time.IsZero() {
		add(headerTime, meta.Time.UTC().Format(time.RFC3339Nano))
	}
	add(HeaderParticipant, meta.Participant)
	add(HeaderTraceparent, meta.Traceparent)
	return Record{Key: []byte(key), Value: value, Headers: headers}
}
