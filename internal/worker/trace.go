package worker

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/wire"
)

// trace notes in which trace a record of a participant was written.
func (s *session) trace(ctx context.Context, participant, traceparent string) {
	if traceparent == "" || participant == "" {
		return
	}
	carrier := propagation.MapCarrier{wire.HeaderTraceparent: traceparent}
	newest := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(ctx, carrier))
	before, ok := s.traces[participant]
	if !newest.IsValid() || !ok && len(s.traces) >= s.lane.worker.cfg.MaxParticipants {
		return
	}
	s.traces[participant] = pipeline.Cause{
		Newest: newest, Alone: !ok || before.Alone && before.Newest.TraceID() == newest.TraceID(),
	}
}

// cause is what led to a window of a participant.
func (s *session) cause(p *ingest.Participant) pipeline.Cause { return s.traces[p.ID()] }
