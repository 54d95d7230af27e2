package live

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
)

// The kinds of frame.
const (
	kindEvent  = "event"
	kindStatus = "status"
	kindLost   = "lost"
)

// frame is a message as both transports send it.
type frame struct {
	Type string          `json:"type"`
	ID   string          `json:"id,omitempty"`
	Data json.RawMessage `json:"data"`
}

// id names the place of an event in the stream of this run.
func (h *Handler) id(position uint64) string { return h.boot + "-" + strconv.FormatUint(position, 10) }

// after returns the position that an id names; that of another run, or of
// nobody's, comes before all that is kept.
func (h *Handler) after(id string) uint64 {
	boot, number, _ := strings.Cut(id, "-")
	position, err := strconv.ParseUint(number, 10, 64)
	if boot != h.boot || err != nil {
		return 0
	}
	return position
}

// frame makes the frame of a message.
func (h *Handler) frame(m memory.Message) (frame, error) {
	switch {
	case m.Event != nil:
		data, err := sink.Encode(m.Event)
		return frame{Type: kindEvent, ID: h.id(m.Position), Data: data}, err
	case m.Status != nil:
		data, err := json.Marshal(m.Status)
		return frame{Type: kindStatus, Data: data}, err
	default:
		data, err := json.Marshal(m.Lost)
		return frame{Type: kindLost, Data: data}, err
	}
}
