package webrtc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	pion "github.com/pion/webrtc/v4"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/problem"
)

// channelLabel is the label of the data channel that takes transcripts; each
// message is what the HTTP interface takes as a body.
const channelLabel = "transcript"

// maxChannels is how many data channels a peer may open, in all, before it is
// cut off: one is taken.
const maxChannels = 16

// addChannel takes the data channel for transcripts and closes any other; pion
// calls it for each.
func (c *connection) addChannel(d *pion.DataChannel) {
	c.mu.Lock()
	c.channels++
	n := c.channels
	taken := d.Label() == channelLabel && !c.transcribing && !c.closed
	c.transcribing = c.transcribing || taken
	c.mu.Unlock()
	if n > maxChannels {
		c.end(endAbuse)
	}
	if !taken {
		c.gateway.count.message("unknown_channel")
		d.OnOpen(func() { _ = d.Close() })
		return
	}
	m := &messages{connection: c, channel: d, bucket: bucket{rate: float64(c.gateway.cfg.MaxMessages)}}
	d.OnMessage(func(message pion.DataChannelMessage) { m.take(message.Data, time.Now()) })
	d.OnClose(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.transcribing = false // a new one may be opened
	})
}

// messages takes those of one data channel, one at a time.
type messages struct {
	connection *connection
	channel    *pion.DataChannel
	bucket     bucket
	told       time.Time // when the sender was last told that there are too many
}

func (m *messages) take(message []byte, now time.Time) {
	c := m.connection
	c.heard.Store(now.UnixNano())
	limits := c.gateway.cfg
	switch {
	case !m.bucket.take(now):
		c.gateway.count.message("rate")
		if now.Sub(m.told) >= time.Second {
			m.told = now
			m.refuse(http.StatusTooManyRequests, "More messages than are taken in a second were dropped.")
		}
	case len(message) > limits.MaxMessage:
		c.gateway.count.message("size")
		m.refuse(http.StatusRequestEntityTooLarge, "The message is too large.")
	default:
		_, err := c.seat.Transcribe(context.Background(), "application/json", message)
		switch {
		case err == nil:
			c.gateway.count.message("taken")
		case errors.Is(err, ingest.ErrTranscript):
			c.gateway.count.message("malformed")
			m.refuse(http.StatusBadRequest, err.Error())
		default:
			c.gateway.count.message("refused")
			m.refuse(http.StatusForbidden, err.Error())
		}
	}
}

// refuse sends a problem back, in the form of the HTTP interface.
func (m *messages) refuse(status int, detail string) {
	if m.channel == nil || m.channel.BufferedAmount() > maxSCTPMessage {
		return // it does not read what it is told
	}
	body, err := json.Marshal(problem.Details{Title: http.StatusText(status), Status: status, Detail: detail})
	if err != nil {
		return
	}
	_ = m.channel.SendText(string(body)) // it may be gone
}

// bucket lets through rate a second, and as many at once.
type bucket struct {
	rate, left float64
	at         time.Time
}

func (b *bucket) take(now time.Time) bool {
	if b.at.IsZero() {
		b.left = b.rate
	} else {
		b.left = min(b.rate, b.left+b.rate*now.Sub(b.at).Seconds())
	}
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
