package webrtc

import (
	"log/slog"
	"time"

	"github.com/valence-live/valence/ingest"
)

// measureStep is how often the rate of each layer is measured.
const measureStep = 500 * time.Millisecond

// layers chooses the layer to decode and moves to it.
func (l *lane) layers(now time.Time) {
	l.measure(now)
	if l.current == nil && now.Sub(l.began) < settle {
		return // the smallest may not be the first to come
	}
	if l.next != nil {
		if now.Sub(l.since) > switchPatience {
			l.logger.Warn("a layer gave no picture", slog.String("layer", l.next.rid))
			l.abandon()
			l.chooser.failed(now, l.current.rid)
		} else if l.coming.NeedsKeyFrame(now) {
			l.requestKeyFrame(l.next)
		}
		return
	}
	var known []layer
	for _, r := range l.remotes {
		s := l.size(r.rid)
		known = append(known, layer{rid: r.rid, width: s.width, rate: s.rate, alive: now.Sub(time.Unix(0, r.newest.Load())) < aliveFor})
	}
	share, seen := l.track.Face()
	rid := l.chooser.choose(now, known, share, seen)
	for _, r := range l.remotes {
		if r.rid == rid && r != l.current {
			l.moveTo(r, now)
		}
	}
}

// moveTo begins to decode another layer beside the current one, which goes on
// until the other gives a picture.
func (l *lane) moveTo(r *remote, now time.Time) {
	if l.current == nil || l.decoder == nil {
		l.stop()
		l.choose(r)
		l.requestKeyFrame(r)
		return
	}
	var d decoder
	d = l.open(l.format, r, func(s ingest.Sample) {
		if l.coming == d && !l.takeOver(s) {
			return
		}
		l.emit(s)
	})
	if d == nil {
		return
	}
	l.next, l.coming, l.since = r, d, now
	r.wanted.Store(true)
	l.requestKeyFrame(r)
}

// takeOver looks at what the next layer gives: its first picture ends the layer
// before; what comes earlier is of no use.
func (l *lane) takeOver(s ingest.Sample) bool {
	p, ok := s.Payload.(*ingest.Picture)
	if !ok {
		return false
	}
	l.logger.Info("the layer has changed", slog.String("from", l.current.rid), slog.String("to", l.next.rid), slog.Int("width", p.Width))
	old := l.decoder
	l.choose(l.next)
	l.decoder, l.next, l.coming = l.coming, nil, nil
	l.closed(old)
	return true
}

// abandon gives up the layer that was to take over.
func (l *lane) abandon() {
	if l.next == nil {
		return
	}
	l.next.wanted.Store(false)
	l.closed(l.coming)
	l.next, l.coming = nil, nil
}

// measure measures the rates of the layers: the smallest needs the least.
func (l *lane) measure(now time.Time) {
	for _, r := range l.remotes {
		s, bytes := l.size(r.rid), r.bytes.Load()
		switch passed := now.Sub(s.at); {
		case s.at.IsZero():
			s.at, s.bytes = now, bytes
		case passed >= measureStep || s.rate == 0 && passed >= settle/2:
			s.rate = max(s.rate, float64(bytes-s.bytes)/passed.Seconds())
			s.at, s.bytes = now, bytes
		}
	}
}

// sized notes how wide the pictures of the current layer are.
func (l *lane) sized(width int) {
	if l.current != nil && l.current.rid != "" {
		l.size(l.current.rid).width = width
	}
}

func (l *lane) size(rid string) *size {
	if l.sizes == nil {
		l.sizes = make(map[string]*size)
	}
	s := l.sizes[rid]
	if s == nil {
		s = &size{}
		l.sizes[rid] = s
	}
	return s
}
