package pipeline

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// Extraction turns the Samples of one session into Units: the half of a call
// that needs media. It asks for consent before anything else. One goroutine at
// a time uses it.
type Extraction struct {
	engine *Engine
	tracks map[*ingest.Track]features.Extractor
	count  counters
}

// NewExtraction returns an Extraction that has seen nothing.
func (e *Engine) NewExtraction() (*Extraction, error) {
	count, err := newCounters(e.set.Meter)
	if err != nil {
		return nil, err
	}
	return &Extraction{engine: e, tracks: make(map[*ingest.Track]features.Extractor), count: count}, nil
}

// Extract gives the Units of a Sample to emit, which owns them. What the person
// did not agree to becomes a gap that says so.
func (x *Extraction) Extract(ctx context.Context, s ingest.Sample, emit func(features.Unit)) error {
	defer s.Receipt.Release()
	if s = x.consented(ctx, s); s.Payload == nil {
		return nil
	}
	extractor, ok := x.tracks[s.Track]
	if !ok {
		var err error
		if extractor, err = x.engine.NewExtractor(s.Track.Modality); err != nil {
			return err
		}
		x.tracks[s.Track] = extractor
	}
	if err := extractor.Extract(s, emit); err != nil {
		return fmt.Errorf("participant %s: %s at %s: %w", s.Track.Participant.ID(), s.Track.Modality, s.Time.Format(time.RFC3339Nano), err)
	}
	return nil
}

// consented replaces what the person did not agree to by a gap that says so.
func (x *Extraction) consented(ctx context.Context, s ingest.Sample) ingest.Sample {
	why := s.Track.Participant.Refusal(s.Track.Modality)
	if why == "" {
		return s
	}
	gap := ingest.Gap{Reason: why, End: s.Time}
	switch p := s.Payload.(type) {
	case ingest.PCM:
		gap.End = s.Time.Add(p.Duration())
	case *ingest.Picture:
		p.Release()
	case ingest.Segment:
		gap.End = p.End
	case ingest.Gap, ingest.Progress, ingest.End:
		return s
	}
	x.count.dropped.Add(ctx, 1, metric.WithAttributes(
		attribute.String("modality", s.Track.Modality.String()),
		attribute.String("reason", string(why))))
	s.Payload = gap
	return s
}

// Forget drops the extractors of a participant's streams for which it is so,
// with what is half a step in them.
func (x *Extraction) Forget(p *ingest.Participant, now time.Time, so func(ingest.Modality) bool) error {
	for track, extractor := range x.tracks {
		if track.Participant != p || !so(track.Modality) {
			continue
		}
		delete(x.tracks, track)
		if err := extractor.Extract(ingest.Sample{Track: track, Time: now, Payload: ingest.End{}}, discard); err != nil {
			return err
		}
	}
	return nil
}

// discard gives back what an extractor emits.
func discard(u features.Unit) {
	switch u := u.(type) {
	case features.Vector:
		u.Receipt.Release()
	case features.Segment:
		u.Receipt.Release()
	case features.Mark:
	}
}
