package calls

import (
	"context"
	"sync"

	"github.com/valence-live/valence/ingest"
)

// seat implements ingest.Seat.
type seat struct {
	person *person
	left   sync.Once
}

// Handle implements ingest.Handler.
func (s *seat) Handle(_ context.Context, sample ingest.Sample) error { return s.person.take(sample) }

// Track implements ingest.Seat.
func (s *seat) Track(m ingest.Modality) *ingest.Track { return s.person.tracks[m] }

// Transcribe implements ingest.Seat.
func (s *seat) Transcribe(ctx context.Context, contentType string, message []byte) (int, error) {
	return s.person.transcribe(ctx, contentType, message)
}

// Drop implements ingest.Seat.
func (s *seat) Drop(m ingest.Modality, reason string, n int) { s.person.drop(m, reason, n) }

// Leave implements ingest.Seat.
func (s *seat) Leave() { s.left.Do(s.person.leave) }
