package webrtc

import (
	"time"

	"github.com/valence-live/valence/ingest"
)

// Time moves on while a person does not consent by a gap every withheldStep. It
// ends withheldLag before now: what is captured after consent is given must not
// begin before it.
const (
	withheldStep = 200 * time.Millisecond
	withheldLag  = 300 * time.Millisecond
)

// A Sample that lies more than maxAhead in the future is not believed; after
// aheadPatience of such the sender's clock is learned anew.
const (
	maxAhead      = 2 * time.Second
	aheadPatience = time.Second
)

// emit delivers a Sample unless it would run backwards, as at a change of
// decoder it might.
func (l *lane) emit(s ingest.Sample) {
	back := s.Time.Before(l.floor)
	if s.Time.Sub(l.now) > maxAhead && !l.now.IsZero() {
		if l.ahead.IsZero() {
			l.ahead = l.now
		}
		l.drop(l.track.Modality, "ahead", 1)
		if p, ok := s.Payload.(*ingest.Picture); ok {
			p.Release()
		}
		return
	}
	l.ahead = time.Time{}
	switch p := s.Payload.(type) {
	case *ingest.Picture:
		l.sized(p.Width)
		if back {
			p.Release()
		}
	case ingest.Gap:
		if back && p.End.After(l.floor) {
			s.Time, back = l.floor, false
		}
	case ingest.End:
		l.ended = true
		if back {
			s.Time, back = l.floor, false
		}
	case ingest.PCM, ingest.Segment, ingest.Progress:
	}
	if back {
		if _, ok := s.Payload.(ingest.Progress); !ok {
			l.drop(l.track.Modality, "backwards", 1)
		}
		return
	}
	l.floor = s.Time
	l.deliver(s)
}

// back begins anew with a sender whose clock has run away, so that time does not
// stand still until it is reached.
func (l *lane) back() {
	if l.ahead.IsZero() || l.now.Sub(l.ahead) < aheadPatience {
		return
	}
	l.ahead = time.Time{}
	l.stop()
	if l.current != nil {
		l.requestKeyFrame(l.current)
	}
}

// withhold moves the time of a track whose media is dropped, once there is any.
func (l *lane) withhold(now time.Time) {
	end := now.Add(-withheldLag)
	if len(l.remotes) == 0 || end.Sub(l.withheld) < withheldStep {
		return
	}
	why := l.track.Participant.Refusal(l.track.Modality)
	if why == "" {
		return // given just now
	}
	start := l.withheld
	l.withheld = end
	l.emit(ingest.Sample{
		Track: l.track, Time: start, Clock: ingest.Clock{Source: ingest.ClockArrival, ErrorBound: withheldLag},
		Payload: ingest.Gap{End: end, Reason: why},
	})
	l.floor = end
}

// end gives the last Samples, if the track gave any.
func (l *lane) end(now time.Time, reason ingest.Reason) {
	if l.consents(now) && l.decoder != nil {
		l.abandon()
		l.decoder.End(now, reason)
	}
	l.stop()
	if !l.ended && !l.floor.IsZero() {
		l.emit(ingest.Sample{
			Track: l.track, Time: now.Add(-withheldLag), Clock: ingest.Clock{Source: ingest.ClockArrival, ErrorBound: withheldLag},
			Payload: ingest.End{Reason: reason},
		})
	}
}
