package kafka

import (
	"io"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/heartbeat"
)

// heartbeatRequest is kafka-go's, sent to the group's coordinator instead of
// any broker, and kept to version 0: in the later ones kafka-go takes the
// throttle time for the error code, and so never hears that the group changes
// or has given the member up.
type heartbeatRequest struct{ heartbeat.Request }

var (
	_ protocol.RawExchanger = (*heartbeatRequest)(nil)
	_ protocol.GroupMessage = (*heartbeatRequest)(nil)
)

// Group names the group whose coordinator is asked.
func (h *heartbeatRequest) Group() string { return h.GroupID }

// Required says that RawExchange does it.
func (h *heartbeatRequest) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange asks in version 0, which has nothing but the error code.
func (h *heartbeatRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	return protocol.RoundTrip(rw, 0, 1, "valence", &h.Request)
}
