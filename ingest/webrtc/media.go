package webrtc

import (
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/receive"
)

// media is what one connection brings: its lanes, one for sound and one for
// pictures. One goroutine calls its methods.
type media struct {
	lanes []*lane
}

func newMedia(c *connection) *media {
	shared := peer{Peer: receive.NewPeer(c.gateway.cfg.Receive, c.seat), logger: c.logger}
	m := &media{}
	for _, modality := range []ingest.Modality{ingest.Audio, ingest.Video} {
		m.lanes = append(m.lanes, &lane{
			track: c.seat.Track(modality), peer: shared, drop: c.seat.Drop, logger: c.logger,
			deliver: c.handle, requestKeyFrame: c.requestKeyFrame,
		})
	}
	return m
}

func (m *media) lane(modality ingest.Modality) *lane {
	for _, l := range m.lanes {
		if l.track.Modality == modality {
			return l
		}
	}
	return nil
}

// add takes a new stream.
func (m *media) add(r *remote) { m.lane(r.modality).add(r, time.Now()) }

// take takes a packet or a report.
func (m *media) take(a arrival) { m.lane(a.remote.modality).take(a) }

// tick tells the time.
func (m *media) tick(now time.Time) {
	for _, l := range m.lanes {
		l.tick(now)
	}
}

// end gives the last Samples of every track that gave any.
func (m *media) end(now time.Time, reason ingest.Reason) {
	for _, l := range m.lanes {
		l.end(now, reason)
	}
}
