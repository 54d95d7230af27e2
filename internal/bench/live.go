package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest/webrtc/webrtctest"
	"github.com/valence-live/valence/sink"
)

// LiveConfig says what is measured of a running server.
type LiveConfig struct {
	// Server is its address, http://127.0.0.1:8080.
	Server string
	// PID is its process.
	PID int
	// Media is what each call sends again and again, in real time.
	Media string
	// Calls is how many go on at once, Length how long.
	Calls  int
	Length time.Duration
	// Churn, if set, is how long each publisher stays before it goes and comes
	// again.
	Churn time.Duration
}

// Live is what was measured of live calls.
type Live struct {
	Calls  int     `json:"calls"`
	Length Seconds `json:"length"`
	// Events counts what came: provisional and final events, and those that were
	// expected and did not come by the end.
	Provisional int `json:"provisional"`
	Final       int `json:"final"`
	Missing     int `json:"missing"`
	// FirstScore is how long after the offer the first event of a call came.
	FirstScore Quantiles `json:"offer_to_first_event"`
	// LastPacket is from the sending of the last packet of sound that a window
	// holds to its provisional event at the reader.
	LastPacket Quantiles `json:"last_packet_to_event"`
	// FinalAfter is from the end of a window to its final event at the reader: the
	// allowed lateness and what comes on top.
	FinalAfter Quantiles `json:"window_end_to_final_event"`
	// CPU is that of the server, in ms per second of one call.
	CPU float64 `json:"cpu_ms_per_s"`
	// Loaded is the resident size of the server, in bytes, with the models loaded
	// and no call; One with one call; All with all of them; PerCall what one more
	// costs.
	Loaded  int64 `json:"memory_loaded"`
	One     int64 `json:"memory_one_call"`
	All     int64 `json:"memory_all_calls"`
	PerCall int64 `json:"memory_per_call"`
	// Slope is how the memory grew after the first third, in bytes per 10 minutes;
	// it means little for less than that.
	Slope float64 `json:"memory_slope_per_10min"`
	// Goroutines are those of the server after the first third and at the end.
	Goroutines [2]int `json:"goroutines"`
	// Drops are what the server counted as left out, by modality and reason.
	Drops map[string]float64 `json:"drops"`
}

// Quantiles of times, in ms.
type Quantiles struct {
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// settle is how long the first seconds of a call are left out: its clock is an
// estimate until the first sender report, and buffers grow.
const settle = 5 * time.Second

// RunLive publishes calls to a running server and reads what it says of them.
// progress is told what comes next.
func RunLive(ctx context.Context, cfg LiveConfig, progress func(string)) (*Live, error) {
	if cfg.Calls < 1 || cfg.Length < 2*settle {
		return nil, fmt.Errorf("%w: %d calls of %s; at least 1 of %s is needed", ErrConfig, cfg.Calls, cfg.Length, 2*settle)
	}
	r := &Live{Calls: cfg.Calls, Length: Seconds(cfg.Length.Seconds())}
	process := process{cfg.PID}
	var err error
	if r.Loaded, err = process.memory(); err != nil {
		return nil, err
	}
	progress("one call, to warm up")
	if _, err = liveCalls(ctx, cfg, "warm", 1, 2*settle); err != nil {
		return nil, err
	}
	if r.One, err = process.memory(); err != nil {
		return nil, err
	}
	progress(fmt.Sprintf("%d calls for %s", cfg.Calls, cfg.Length))
	watch := observe(ctx, cfg.Server, process, cfg.Length)
	seen, err := liveCalls(ctx, cfg, "call", cfg.Calls, cfg.Length)
	if err = errors.Join(err, watch.end(r)); err != nil {
		return nil, err
	}
	r.CPU /= float64(cfg.Calls)
	r.PerCall = (r.All - r.One) / max(int64(cfg.Calls-1), 1)
	r.Provisional, r.Final, r.Missing = len(seen.last), len(seen.final), seen.missing
	r.FirstScore, r.LastPacket, r.FinalAfter = quantiles(seen.first), quantiles(seen.last), quantiles(seen.final)
	return r, nil
}

func quantiles(ms []float64) Quantiles {
	return Quantiles{P50: quantile(ms, .5), P95: quantile(ms, .95), P99: quantile(ms, .99), Max: quantile(ms, 1)}
}

// watched is what readers saw, in ms.
type watched struct {
	mu                 sync.Mutex
	first, last, final []float64
	missing            int
}

// liveCalls runs calls of one participant each at once.
func liveCalls(ctx context.Context, cfg LiveConfig, name string, calls int, length time.Duration) (*watched, error) {
	ctx, cancel := context.WithTimeout(ctx, length+30*time.Second)
	defer cancel()
	seen := &watched{}
	errs := make([]error, calls)
	var running sync.WaitGroup
	for i := range calls {
		running.Go(func() { errs[i] = seen.call(ctx, cfg, fmt.Sprintf("bench-%s-%d", name, i+1), length) })
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// call publishes one call and reads its events.
func (w *watched) call(ctx context.Context, cfg LiveConfig, session string, length time.Duration) (err error) {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	events, err := listen(reading, cfg.Server+"/v1/sessions/"+session+"/events")
	if err != nil {
		return err
	}
	offered := time.Now()
	options := webrtctest.Options{
		URL: cfg.Server + "/whip/" + session + "/speaker", Consent: "text, audio, video", File: cfg.Media, Loop: true,
	}
	p, err := webrtctest.Publish(ctx, options)
	if err != nil {
		return err
	}
	defer func() {
		if left := p.Delete(context.WithoutCancel(ctx)); err == nil {
			err = left
		}
	}()
	churn := make(<-chan time.Time)
	if cfg.Churn > 0 {
		ticker := time.NewTicker(cfg.Churn)
		defer ticker.Stop()
		churn = ticker.C
	}
	select {
	case <-p.Started():
	case <-ctx.Done():
		return ctx.Err()
	}
	end := time.NewTimer(length)
	defer end.Stop()
	heard := map[time.Time]bool{}
	for {
		select {
		case e, open := <-events:
			if !open {
				return fmt.Errorf("%w: the events of %s ended", ErrConfig, session)
			}
			w.note(e, p.Captured(0), offered, heard)
		case <-churn:
			if p, err = again(ctx, p, options); err != nil {
				return err
			}
		case <-end.C:
			if cfg.Churn > 0 {
				return nil // it was away for a while
			}
			w.missed(heard, p.Captured(0).Add(settle), offered.Add(length-settle))
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// again ends a publisher and returns its successor.
func again(ctx context.Context, p *webrtctest.Publisher, o webrtctest.Options) (*webrtctest.Publisher, error) {
	if err := p.Delete(ctx); err != nil {
		return p, err
	}
	next, err := webrtctest.Publish(ctx, o)
	if err != nil {
		return p, err
	}
	select {
	case <-next.Started():
		return next, nil
	case <-ctx.Done():
		return next, ctx.Err()
	}
}

// note enters one event.
func (w *watched) note(e arrived, began, offered time.Time, heard map[time.Time]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	end := e.Window.End
	switch {
	case e.Window.Kind != features.Sliding:
	case e.State == features.Provisional:
		if len(heard) == 0 {
			w.first = append(w.first, milliseconds(e.at.Sub(offered)))
		}
		heard[end] = true
		if end.Sub(began) > settle {
			// The packets of sound are sent every 20 ms from the beginning on.
			const packet = 20 * time.Millisecond
			last := end.Add(-1).Sub(began).Truncate(packet)
			w.last = append(w.last, milliseconds(e.at.Sub(began.Add(last))))
		}
	case end.Sub(began) > settle:
		w.final = append(w.final, milliseconds(e.at.Sub(end)))
	}
}

// missed counts the seconds between two times at which no window was heard of.
func (w *watched) missed(heard map[time.Time]bool, from, to time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for t := from.Truncate(time.Second).Add(time.Second); t.Before(to); t = t.Add(time.Second) {
		if !heard[t.UTC()] {
			w.missing++
		}
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// arrived is an event and when a reader got it.
type arrived struct {
	*sink.Event
	at time.Time
}

// scoreOf reads the data of a message if it is a score.
func scoreOf(lines []string) (*sink.Event, bool) {
	var data strings.Builder
	for _, line := range lines {
		if strings.HasPrefix(line, "event:") {
			return nil, false
		}
		if text, ok := strings.CutPrefix(line, "data:"); ok {
			data.WriteString(strings.TrimPrefix(text, " "))
		}
	}
	if data.Len() == 0 {
		return nil, false
	}
	e, err := sink.Decode([]byte(data.String()))
	return e, err == nil
}
