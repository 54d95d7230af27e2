// Package wire is the form of what goes through Kafka: which topic holds what,
// how a message of api/valence/v1 becomes the value and headers of a record, and
// what is wrong with a record that cannot be read.
//
// A record has the session as its key (valence.state and valence.scores:
// session/participant), the participant in the header "participant", and says in
// "content-type" whether its value is application/protobuf or application/json;
// without that it is JSON. Records written here carry the attributes of
// CloudEvents 1.0 in binary mode (ce_id, ce_source, ce_type, ce_time) and, where
// there is a trace, "traceparent" (W3C Trace Context). Nobody needs to send
// those, but one who says with ce_type that a record is something else than its
// topic holds is believed.
//
// The package is pure: no goroutine, clock or I/O, and it does not know the
// client library. Its functions may be called from any goroutine.
package wire
