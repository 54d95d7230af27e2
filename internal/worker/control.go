package worker

import (
	"context"
	"time"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// beat says that everything captured before t has come: of one person, or of
// everybody.
func (s *session) beat(ctx context.Context, t time.Time, participant string) error {
	if err := s.advance(t); err != nil { //nolint:contextcheck // a call lives as long as its lane
		return err
	}
	for id, p := range s.people {
		if participant != "" && participant != id {
			continue
		}
		for _, m := range ingest.Modalities() {
			if p.last.IsZero() {
				continue // nothing came: a mark would announce a track
			}
			if err := s.call.Handle(ctx, p.sample(m, t, ingest.Progress{})); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave ends the tracks of a person who has gone.
func (s *session) leave(ctx context.Context, p *person, at time.Time) error {
	for _, m := range ingest.Modalities() {
		if err := s.handle(ctx, p.sample(m, at, ingest.End{})); err != nil {
			return err
		}
	}
	p.close()
	return nil
}

// mute notes which tracks give nothing on purpose, and says so in the call.
func (s *session) mute(ctx context.Context, p *person, at time.Time, mute *valencev1.Mute) error {
	for _, name := range mute.GetModalities() {
		m, err := ingest.ParseModality(name)
		if err != nil {
			return poison("%w", err)
		}
		if p.muted[m] && !mute.GetMuted() { // what has passed since was muted
			if err := s.handle(ctx, p.sample(m, at, ingest.Gap{End: at, Reason: ingest.ReasonMuted})); err != nil {
				return err
			}
		}
		p.muted[m] = mute.GetMuted()
	}
	return s.advance(at) //nolint:contextcheck // a call lives as long as its lane
}

// timeOf is how far a unit brings its track.
func timeOf(u features.Unit) time.Time {
	switch u := u.(type) {
	case features.Vector:
		return u.End
	case features.Segment:
		return u.Start
	case features.Mark:
		return u.Time
	default:
		return time.Time{}
	}
}
