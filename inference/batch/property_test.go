package batch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/batch"
	"github.com/valence-live/valence/ingest"
)

// arrival is one call of Score in a drawn scenario.
type arrival struct {
	After    time.Duration // since the one before
	Person   int
	GivesUp  time.Duration // 0: never
	Unusable bool          // the predictor has an error for it
}

// scenario is a drawn configuration with its calls.
type scenario struct {
	cfg      batch.Config
	takes    time.Duration
	arrivals []arrival
	stop     time.Duration // until Shutdown; 0: after everything
}

func draw(t *rapid.T) scenario {
	millis := func(label string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, label)) * ms
	}
	s := scenario{takes: millis("takes", 0, 5), stop: millis("stop", 0, 40) * time.Duration(rapid.IntRange(0, 1).Draw(t, "stops"))}
	s.cfg = batch.Config{MaxSize: rapid.IntRange(1, 5).Draw(t, "size"), MaxDelay: millis("delay", 0, 4), Workers: rapid.IntRange(1, 3).Draw(t, "workers")}
	if rapid.Bool().Draw(t, "has deadline") {
		s.cfg.Deadline = s.cfg.MaxDelay + millis("deadline", 1, 10)
	}
	for range rapid.IntRange(1, 40).Draw(t, "calls") {
		a := arrival{After: millis("after", 0, 3), Person: rapid.IntRange(0, 4).Draw(t, "person"), Unusable: rapid.IntRange(0, 9).Draw(t, "unusable") == 0}
		if rapid.IntRange(0, 3).Draw(t, "gives up") == 0 {
			a.GivesUp = millis("patience", 1, 8)
		}
		s.arrivals = append(s.arrivals, a)
	}
	return s
}

var errUnusable = errors.New("unusable")

// play runs a scenario and returns what was wrong with the answers.
func (s scenario) play(t *testing.T) (faults []string) {
	t.Helper()
	var mu sync.Mutex
	fault := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		faults = append(faults, fmt.Sprintf(format, args...))
	}
	p := &predictor{takes: s.takes, fail: map[int]error{}}
	var persons [5]*ingest.Participant
	for i := range persons {
		persons[i] = person(t, fmt.Sprint("p", i))
	}
	b := newBatcher(t, s.cfg, p)
	answered := make([]int, len(s.arrivals))
	var scored [len(persons)][]int // revisions, in the order of the answers
	var calls sync.WaitGroup
	if s.stop > 0 {
		calls.Go(func() {
			time.Sleep(s.stop)
			if err := b.Shutdown(context.Background()); err != nil {
				fault("shutdown: %v", err)
			}
		})
	}
	for i, a := range s.arrivals {
		if a.Unusable {
			p.mu.Lock()
			p.fail[i] = errUnusable
			p.mu.Unlock()
		}
	}
	for i, a := range s.arrivals {
		time.Sleep(a.After)
		calls.Go(func() {
			ctx := context.Background()
			if a.GivesUp > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, a.GivesUp)
				defer cancel()
			}
			score, err := b.Score(ctx, &features.Window{Participant: persons[a.Person], Revision: i})
			mu.Lock()
			answered[i]++
			if err == nil {
				scored[a.Person] = append(scored[a.Person], i)
			}
			mu.Unlock()
			switch {
			case err == nil && (score.Window == nil || score.Window.Revision != i || a.Unusable):
				fault("call %d got the score of another: %v", i, score.Window)
			case err != nil && !s.allows(a, err):
				fault("call %d: %v", i, err)
			}
		})
		synctest.Wait() // the order of arrival is that of the calls
	}
	calls.Wait()
	if err := b.Shutdown(context.Background()); err != nil {
		fault("shutdown: %v", err)
	}
	for i, n := range answered {
		if n != 1 {
			fault("call %d was answered %d times", i, n)
		}
	}
	for i := range scored {
		for k := 1; k < len(scored[i]); k++ {
			if scored[i][k-1] > scored[i][k] {
				fault("the windows of person %d were answered in the order %v", i, scored[i])
			}
		}
	}
	for _, n := range p.sizes() {
		if n < 1 || n > s.cfg.MaxSize {
			fault("a batch had %d windows, the most is %d", n, s.cfg.MaxSize)
		}
	}
	return faults
}

// allows says whether the call may have ended with the error.
func (s scenario) allows(a arrival, err error) bool {
	switch {
	case errors.Is(err, errUnusable):
		return a.Unusable
	case errors.Is(err, context.DeadlineExceeded):
		return a.GivesUp > 0
	case errors.Is(err, batch.ErrDeadline):
		return s.cfg.Deadline > 0
	case errors.Is(err, batch.ErrClosed):
		return s.stop > 0
	default:
		return false
	}
}

func TestEachWindowIsAnsweredOnceAndInOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := draw(r)
		var faults []string
		synctest.Test(t, func(t *testing.T) { faults = s.play(t) })
		if len(faults) > 0 {
			r.Fatalf("%+v: %v", s, faults)
		}
	})
}

// The same without a bubble: real time, real parallelism, for the race detector.
func TestManyCallersAtOnceAreEachAnswered(t *testing.T) {
	for _, size := range []int{1, 4} {
		p := &predictor{}
		b := newBatcher(t, batch.Config{MaxSize: size, MaxDelay: 50 * time.Microsecond, Workers: 3}, p)
		windows := people(t, 16)
		var wg sync.WaitGroup
		for i, w := range windows {
			wg.Go(func() {
				for range 200 {
					s, err := b.Score(t.Context(), w)
					if err != nil || s.Window != w || s.Value != float64(i) {
						t.Errorf("window %d: %v, %v", i, s, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if err := b.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
