package pipeline

import (
	"context"

	"go.opentelemetry.io/otel/trace"
)

// Cause is the trace in which that was written of which a window is made.
type Cause struct {
	// Newest is where the newest of it was written; invalid if nobody said so.
	Newest trace.SpanContext
	// Alone says that all of it was written in the same trace. Then the window is
	// a part of that trace, else it has one of its own with a link.
	Alone bool
}

// of returns the context and the options of the window's span.
func (c Cause) of(ctx context.Context) (context.Context, []trace.SpanStartOption) {
	switch {
	case !c.Newest.IsValid():
		return ctx, nil
	case c.Alone:
		return trace.ContextWithRemoteSpanContext(ctx, c.Newest), nil
	default:
		return ctx, []trace.SpanStartOption{trace.WithLinks(trace.Link{SpanContext: c.Newest})}
	}
}
