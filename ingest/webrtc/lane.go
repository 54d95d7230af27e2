package webrtc

import (
	"log/slog"
	"time"

	"github.com/valence-live/valence/ingest"
)

// codecDwell is the least time between two changes of the codec: a decoder costs
// more than a packet.
const codecDwell = time.Second

// lane is one track of a participant as one connection brings it: one RTP
// stream, or one of several layers. It decodes nothing while the person does
// not consent. One goroutine calls its methods.
type lane struct {
	track           *ingest.Track
	peer            decoders
	drop            func(m ingest.Modality, reason string, n int)
	logger          *slog.Logger
	deliver         func(ingest.Sample)
	requestKeyFrame func(*remote)

	remotes []*remote
	current *remote // the stream that is decoded
	decoder decoder // nil while nothing is
	format  format
	opened  time.Time

	next    *remote // the layer that is to take over at its first picture
	coming  decoder
	since   time.Time // when next was chosen
	chooser chooser
	sizes   map[string]*size
	began   time.Time // when the first layer came

	now      time.Time // of the newest packet or tick
	floor    time.Time // no Sample begins before
	ahead    time.Time // since when Samples come from the future; zero while they do not
	withheld time.Time // where the next gap begins; zero while consent is given
	ended    bool
}

// size is what is known of a layer.
type size struct {
	width int
	rate  float64
	bytes int64 // at the time of the last measurement
	at    time.Time
}

// add takes a new stream. One without layers replaces what was there.
func (l *lane) add(r *remote, now time.Time) {
	if r.rid == "" {
		l.stop()
		l.remotes = []*remote{r}
		l.choose(r)
		return
	}
	for i, old := range l.remotes {
		if old.rid == r.rid { // the layer's SSRC has changed
			l.remotes[i] = r
			if l.current == old {
				l.stop()
				l.choose(r)
			}
			return
		}
	}
	l.remotes = append(l.remotes, r)
	if l.began.IsZero() {
		l.began = now
	}
}

// choose makes a stream the one that is decoded.
func (l *lane) choose(r *remote) {
	if l.current != nil {
		l.current.wanted.Store(false)
	}
	l.current = r
	r.wanted.Store(true)
}

// take takes a packet or a report of one of the lane's streams.
func (l *lane) take(a arrival) {
	l.now = a.at
	defer l.back()
	if a.report != nil {
		a.remote.report = a
	}
	if !l.consents(a.at) {
		return
	}
	switch a.remote {
	case l.current:
		if a.packet != nil && !l.ready(a) {
			return
		}
		push(l.decoder, a)
	case l.next:
		push(l.coming, a)
	}
}

// consents reports whether the person agrees; if not, it forgets what is being
// decoded.
func (l *lane) consents(now time.Time) bool {
	if l.track.Participant.Consents(l.track.Modality) {
		if !l.withheld.IsZero() {
			l.withheld = time.Time{}
			if l.current != nil {
				l.requestKeyFrame(l.current)
			}
		}
		return true
	}
	if l.withheld.IsZero() {
		l.stop()
		l.withheld = now
		if !l.floor.IsZero() {
			l.withheld = l.floor
		}
	}
	return false
}

// ready opens the decoder that a packet needs, and another when the sender has
// changed the codec.
func (l *lane) ready(a arrival) bool {
	f, ok := a.remote.formats[a.packet.PayloadType]
	if !ok {
		l.drop(l.track.Modality, "payload_type", 1)
		return false
	}
	if l.decoder != nil && f == l.format {
		return true
	}
	if l.decoder != nil {
		if a.at.Sub(l.opened) < codecDwell {
			l.drop(l.track.Modality, "payload_type", 1)
			return false
		}
		l.logger.Info("the codec has changed", slog.String("modality", l.track.Modality.String()), slog.String("codec", f.mime))
	}
	l.stop()
	l.decoder, l.format, l.opened = l.open(f, a.remote, l.emit), f, a.at
	return l.decoder != nil
}

// open makes a decoder and tells it the sender's clock.
func (l *lane) open(f format, r *remote, emit func(ingest.Sample)) decoder {
	d, err := l.peer.open(l.track, f, emit)
	if err != nil {
		l.drop(l.track.Modality, "codec", 1)
		return nil
	}
	if r.report.report != nil {
		push(d, r.report)
	}
	return d
}

// stop closes the decoders with all that they hold.
func (l *lane) stop() {
	l.abandon()
	if l.decoder != nil {
		l.closed(l.decoder)
		l.decoder = nil
	}
}

func (l *lane) closed(d decoder) {
	if err := d.Close(); err != nil {
		l.logger.Warn("a decoder could not be closed", slog.String("error", err.Error()))
	}
}

// tick tells the time to the decoders, and asks for key frames.
func (l *lane) tick(now time.Time) {
	l.now = now
	defer l.back()
	if !l.consents(now) {
		l.withhold(now)
		return
	}
	if l.decoder != nil {
		l.decoder.Tick(now)
		if l.decoder != nil && l.decoder.NeedsKeyFrame(now) {
			l.requestKeyFrame(l.current)
		}
	}
	if l.track.Modality == ingest.Video && !l.began.IsZero() {
		l.layers(now)
	}
}
