package replay

import (
	"context"
	"time"
)

// pace holds Samples back until their time has come.
type pace struct {
	real        bool
	begun       bool
	first, wall time.Time
}

func newPace(realTime bool) *pace { return &pace{real: realTime} }

// wait returns when a Sample captured at t is due, or with ctx's error.
func (p *pace) wait(ctx context.Context, t time.Time) error {
	if err := ctx.Err(); err != nil || !p.real {
		return err
	}
	now := time.Now()
	if !p.begun {
		p.begun, p.first, p.wall = true, t, now
	}
	due := p.wall.Add(t.Sub(p.first))
	if !due.After(now) {
		return nil
	}
	timer := time.NewTimer(due.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
