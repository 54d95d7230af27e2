package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Trouble logs a fault that may come again and again: at most once a second,
// with the count of those that were not logged. Its methods may be called from
// any goroutine.
type Trouble struct {
	logger *slog.Logger
	what   string

	mu     sync.Mutex
	last   time.Time
	hidden int
}

// NewTrouble returns a Trouble that logs under one constant message.
func NewTrouble(logger *slog.Logger, what string) *Trouble {
	return &Trouble{logger: logger, what: what}
}

// Warn logs the fault or counts it.
func (t *Trouble) Warn(ctx context.Context, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Sub(t.last) < time.Second {
		t.hidden++
		return
	}
	t.logger.WarnContext(ctx, t.what, slog.Any("error", err), slog.Int("more", t.hidden)) //nolint:sloglint // constant for each Trouble
	t.last, t.hidden = now, 0
}
