package wire

import (
	"errors"
	"strconv"
)

// ErrPoison says that a record cannot be used, however often it is read: it
// belongs into the dead-letter topic. Every *PoisonError is one.
var ErrPoison = errors.New("unusable record")

// Reason says in one word what is wrong with a record. The values label a
// metric and a header of dead letters.
type Reason string

// What may be wrong with a record.
const (
	ReasonContentType Reason = "content_type" // neither Protobuf nor JSON
	ReasonMalformed   Reason = "malformed"    // the value cannot be parsed
	ReasonKind        Reason = "kind"         // something else than the topic holds
	ReasonVersion     Reason = "version"      // of a version that is not known
	ReasonID          Reason = "id"           // no session or participant that can be used
	ReasonInvalid     Reason = "invalid"      // parsed, and makes no sense
)

// PoisonError is what is wrong with a record.
type PoisonError struct {
	Reason Reason
	Err    error
}

// Error says what is wrong and what to send instead.
func (e *PoisonError) Error() string {
	return ErrPoison.Error() + " (" + string(e.Reason) + "): " + e.Err.Error()
}

// Unwrap makes errors.Is find ErrPoison and the cause.
func (e *PoisonError) Unwrap() []error { return []error{ErrPoison, e.Err} }

func poison(reason Reason, err error) error { return &PoisonError{Reason: reason, Err: err} }

// The headers that a dead letter has besides those of the record.
const (
	HeaderReason    = "dead_letter_reason"
	HeaderDetail    = "dead_letter_detail"
	HeaderTopic     = "dead_letter_topic"
	HeaderPartition = "dead_letter_partition"
	HeaderOffset    = "dead_letter_offset"
)

// DeadLetter returns the record as it goes to the dead-letter topic: key, value
// and headers as they were, and where it was and what is wrong with it. An err
// that is no *PoisonError has the reason "invalid".
func DeadLetter(r Record, topic string, partition int, offset int64, err error) Record {
	reason, detail := ReasonInvalid, ""
	if p, ok := errors.AsType[*PoisonError](err); ok {
		reason = p.Reason
	}
	if err != nil {
		detail = err.Error()
	}
	headers := make([]Header, 0, len(r.Headers)+5)
	headers = append(append(headers, r.Headers...),
		Header{HeaderReason, []byte(reason)},
		Header{HeaderDetail, []byte(detail)},
		Header{HeaderTopic, []byte(topic)},
		Header{HeaderPartition, strconv.AppendInt(nil, int64(partition), 10)},
		Header{HeaderOffset, strconv.AppendInt(nil, offset, 10)},
	)
	return Record{Key: r.Key, Value: r.Value, Headers: headers}
}
