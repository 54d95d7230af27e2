// Package bench measures what a call costs on this machine: each stage alone,
// on what the stage before it gave, and the whole with several calls at once.
//
// CPU time is that of the whole process, so a stage is measured while nothing
// else runs; on a shared machine it is steadier than time on the wall.
package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
)

// Config says what is measured.
type Config struct {
	// Replay is the call. Its RealTime is ignored.
	Replay replay.Config
	// Call is how it is aligned and folded.
	Call pipeline.CallConfig
	// Copies is how many calls run at once in the measurements of the whole.
	Copies int
	// Paced also runs the copies as fast as they were spoken, which takes as long
	// as the call, to see the latency of a live call.
	Paced bool
}

// ErrConfig says that there is nothing to measure.
var ErrConfig = errors.New("unusable bench setting")

// Report is what was measured.
type Report struct {
	Call    Seconds `json:"call"`    // how long the call lasts
	Windows int     `json:"windows"` // how many of its windows were scored
	Stages  []Stage `json:"stages"`
	// CPU is the sum over the stages, in ms of CPU per second of call.
	CPU             float64 `json:"cpu_ms_per_s"`
	SessionsPerCore float64 `json:"sessions_per_core"`
	Full            Whole   `json:"full_speed"`
	Paced           *Whole  `json:"paced,omitempty"`
	// PeakMemory is the largest resident size of the process, in bytes, with all
	// models loaded: Loaded after loading, One after one call, Peak after all.
	Loaded int64 `json:"memory_loaded"`
	One    int64 `json:"memory_one_call"`
	Peak   int64 `json:"memory_peak"`
}

// Seconds is a length of time that JSON shows as a number.
type Seconds float64

// Stage is the cost of one stage of one call.
type Stage struct {
	Name string  `json:"name"`
	CPU  float64 `json:"cpu_ms_per_s"` // per second of call
	// Allocations are counted per second of call.
	Allocations float64 `json:"allocations_per_s"`
	Bytes       float64 `json:"allocated_bytes_per_s"`
}

// Run measures. progress is told what comes next.
func Run(ctx context.Context, cfg Config, engine *pipeline.Engine, set telemetry.Settings, progress func(string)) (*Report, error) {
	if cfg.Copies < 1 {
		return nil, fmt.Errorf("%w: %d copies; at least 1 is needed", ErrConfig, cfg.Copies)
	}
	cfg.Replay.RealTime = false
	r := &Report{Loaded: peakMemory()}

	progress("one call, to warm up")
	if _, err := whole(ctx, cfg, 1, engine, set); err != nil {
		return nil, err
	}
	r.One = peakMemory()

	if err := stages(ctx, cfg, engine, set, progress, r); err != nil {
		return nil, err
	}
	progress(fmt.Sprintf("%d calls at once, at full speed", cfg.Copies))
	full, err := whole(ctx, cfg, cfg.Copies, engine, set)
	if err != nil {
		return nil, err
	}
	r.Full = *full
	if cfg.Paced {
		cfg.Replay.RealTime = true
		progress(fmt.Sprintf("%d calls at once, as fast as they were spoken (%s)", cfg.Copies, time.Duration(float64(r.Call)*float64(time.Second)).Round(time.Second)))
		if r.Paced, err = whole(ctx, cfg, cfg.Copies, engine, set); err != nil {
			return nil, err
		}
	}
	r.Peak = peakMemory()
	return r, nil
}
