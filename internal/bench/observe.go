package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// observation samples a server while calls go on.
type observation struct {
	server  string
	process process
	before  time.Duration // CPU
	began   time.Time
	length  time.Duration

	stop    context.CancelFunc
	running sync.WaitGroup
	samples []sample
	metrics metrics // the last
	err     error
}

type sample struct {
	at         time.Duration
	memory     int64
	cpu        time.Duration
	goroutines int
}

// observe begins to sample, until a second before the calls end.
func observe(ctx context.Context, server string, p process, length time.Duration) *observation {
	o := &observation{server: server, process: p, before: p.cpu(), began: time.Now(), length: length}
	ctx, o.stop = context.WithCancel(ctx)
	o.running.Go(func() {
		every := max(time.Second, min(10*time.Second, length/60))
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				if time.Since(o.began) > length-every/2 {
					return
				}
				if o.err = o.sample(ctx); o.err != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return o
}

func (o *observation) sample(ctx context.Context) (err error) {
	if o.metrics, err = scrape(ctx, o.server+"/metrics"); err != nil {
		return err
	}
	memory, err := o.process.memory()
	if err != nil {
		return err
	}
	o.samples = append(o.samples, sample{time.Since(o.began), memory, o.process.cpu(), int(o.metrics["go_goroutines"])})
	return nil
}

// end stops and fills in what was seen.
func (o *observation) end(r *Live) error {
	o.stop()
	o.running.Wait()
	if o.err != nil && !errors.Is(o.err, context.Canceled) {
		return o.err
	}
	if len(o.samples) == 0 {
		return fmt.Errorf("%w: nothing could be sampled in %s", ErrConfig, o.length)
	}
	last := o.samples[len(o.samples)-1]
	r.CPU = milliseconds(last.cpu-o.before) / last.at.Seconds()
	r.All = last.memory
	warm := o.samples[len(o.samples)/3:]
	r.Slope = slope(warm)
	r.Goroutines = [2]int{warm[0].goroutines, last.goroutines}
	r.Drops = o.metrics.drops()
	return nil
}

// slope is the least-squares line through the memory, in bytes per 10 minutes.
func slope(samples []sample) float64 {
	var n, t, m, tt, tm float64
	for _, s := range samples {
		x, y := s.at.Minutes()/10, float64(s.memory)
		n, t, m, tt, tm = n+1, t+x, m+y, tt+x*x, tm+x*y
	}
	if d := n*tt - t*t; d > 0 {
		return (n*tm - t*m) / d
	}
	return 0
}

// metrics are values by their name and labels, as Prometheus writes them.
type metrics map[string]float64

func scrape(ctx context.Context, url string) (metrics, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	out := metrics{}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		line := lines.Text()
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			if v, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
				out[line[:i]] = v
			}
		}
	}
	return out, lines.Err()
}

// drops are the counters of what was left out, by modality and reason.
func (m metrics) drops() map[string]float64 {
	out := map[string]float64{}
	for name, v := range m {
		kind, labels, _ := strings.Cut(name, "{")
		switch kind {
		case "valence_samples_dropped_total", "valence_webrtc_dropped_total", "valence_windows_unscored_total", "valence_late_total":
		default:
			continue
		}
		key := []string{kind}
		for label := range strings.SplitSeq(strings.TrimSuffix(labels, "}"), ",") {
			if n, value, ok := strings.Cut(label, "="); ok && (n == "modality" || n == "reason") {
				key = append(key, strings.Trim(value, `"`))
			}
		}
		out[strings.Join(key, " ")] += v
	}
	return out
}
