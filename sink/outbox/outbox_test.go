package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/outbox"
	"github.com/valence-live/valence/sink/sinktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("the server is away")

// server is a sink whose trouble the test decides on.
type server struct {
	mu     sync.Mutex
	fault  func(e *sink.Event) error // asked before each event
	events []*sink.Event
	erased []string
	tries  int
}

func (s *server) Publish(ctx context.Context, e *sink.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.publish(ctx, e)
}

func (s *server) publish(ctx context.Context, e *sink.Event) error {
	s.tries++
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.fault != nil {
		if err := s.fault(e); err != nil {
			return err
		}
	}
	if _, err := sink.Encode(e); err != nil {
		return err
	}
	s.events = append(s.events, e)
	return nil
}

func (s *server) Erase(_ context.Context, session, participant string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		if err := s.fault(nil); err != nil {
			return err
		}
	}
	s.erased = append(s.erased, session+"/"+participant)
	s.events = slices.DeleteFunc(s.events, func(e *sink.Event) bool { return e.Session == session && e.Participant == participant })
	return nil
}

func (s *server) breaks(fault func(e *sink.Event) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *server) away() { s.breaks(func(*sink.Event) error { return errAway }) }
func (s *server) back() { s.breaks(nil) }

func (s *server) got() []*sink.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// bulk is the same server, taking batches. whole makes it tell one error for
// all.
type bulk struct {
	*server
	whole bool
	sizes []int
}

func (b *bulk) PublishBatch(ctx context.Context, events []*sink.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sizes = append(b.sizes, len(events))
	errs := make([]error, len(events))
	failed := map[string]error{}
	for i, e := range events {
		if errs[i] = failed[e.Participant]; errs[i] == nil {
			errs[i] = b.publish(ctx, e)
			if _, err := sink.Encode(e); err == nil {
				failed[e.Participant] = errs[i]
			}
		}
	}
	switch err := errors.Join(errs...); {
	case err == nil:
		return nil
	case b.whole:
		return err
	default:
		return &outbox.BatchError{Errs: errs}
	}
}

func start(t *testing.T, cfg outbox.Config, next sink.Publisher) *outbox.Outbox {
	t.Helper()
	o, err := outbox.New("test", cfg, next, telemetry.Nop())
	require.NoError(t, err)
	require.NoError(t, o.Start(t.Context()))
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = o.Shutdown(ended)
	})
	return o
}

func publish(t *testing.T, o *outbox.Outbox, events ...*sink.Event) {
	t.Helper()
	for _, e := range events {
		require.NoError(t, o.Publish(t.Context(), e))
	}
}

func ids(events []*sink.Event) (out []string) {
	for _, e := range events {
		out = append(out, fmt.Sprintf("%s %d %s", e.Participant, e.Window.End.Sub(sinktest.Start())/time.Second, e.State))
	}
	return out
}

func provisional(participant string, second int) *sink.Event {
	e := sinktest.Event("call", participant, second)
	e.State, e.Revision = features.Provisional, 0
	return e
}

func final(participant string, second int) *sink.Event {
	return sinktest.Event("call", participant, second)
}

func TestConformance(t *testing.T) {
	for name, next := range map[string]func(s *server) sink.Publisher{
		"one by one":          func(s *server) sink.Publisher { return s },
		"in batches":          func(s *server) sink.Publisher { return &bulk{server: s} },
		"in batches, all one": func(s *server) sink.Publisher { return &bulk{server: s, whole: true} },
	} {
		for _, flaky := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, flaky %v", name, flaky), func(t *testing.T) {
				sinktest.Run(t, func(t *testing.T) sinktest.Harness {
					t.Helper()
					s := &server{}
					if flaky {
						tries := 0
						s.fault = func(*sink.Event) error {
							if tries++; tries%40 == 1 {
								return errAway
							}
							return nil
						}
					}
					cfg := outbox.Default()
					cfg.RetryMin, cfg.Linger = time.Millisecond, 0
					cfg.RetryMax = cfg.RetryMin
					o := start(t, cfg, next(s))
					return sinktest.Harness{
						Publisher: o,
						Close:     func() error { return o.Shutdown(context.Background()) },
						Events: func(t *testing.T, session string) (own []*sink.Event) {
							t.Helper()
							require.NoError(t, o.Flush(t.Context()))
							for _, e := range s.got() {
								if e.Session == session {
									own = append(own, e)
								}
							}
							return own
						},
					}
				})
			})
		}
	}
}

func TestWhatASinkCouldNotTakeIsTriedAgainInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.away()
		o := start(t, outbox.Default(), s)
		var want []*sink.Event
		for i := range 50 {
			want = append(want, final("alice", i), final("bob", i))
		}
		publish(t, o, want...)
		time.Sleep(time.Minute)
		assert.Empty(t, s.got())
		assert.Equal(t, 100, o.Waiting())
		assert.Less(t, s.tries, 50, "a sink in trouble is left alone")
		s.back()
		require.NoError(t, o.Flush(t.Context()))
		assert.Equal(t, ids(want), ids(s.got()))
		assert.Zero(t, o.Waiting())
	})
}

func TestASinkThatHangsIsGivenUpAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := true
		s := &server{}
		cfg := outbox.Default()
		cfg.Timeout = time.Second
		began := time.Now()
		o := start(t, cfg, publisher(func(ctx context.Context, e *sink.Event) error {
			if hung {
				hung = false
				<-ctx.Done()
				return ctx.Err()
			}
			return s.Publish(ctx, e)
		}))
		publish(t, o, final("alice", 1))
		require.NoError(t, o.Flush(t.Context()))
		assert.Equal(t, time.Second+cfg.Linger+cfg.RetryMin, time.Since(began))
		assert.Len(t, s.got(), 1)
	})
}

type publisher func(ctx context.Context, e *sink.Event) error

func (p publisher) Publish(ctx context.Context, e *sink.Event) error { return p(ctx, e) }

func TestPublishDoesNotWaitForTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, outbox.Default(), publisher(func(ctx context.Context, _ *sink.Event) error {
			<-ctx.Done()
			return ctx.Err()
		}))
		began := time.Now()
		for i := range 20_000 {
			publish(t, o, final("alice", i))
		}
		assert.Zero(t, time.Since(began), "nor when it is full")
		assert.Equal(t, outbox.Default().Capacity, o.Waiting())
	})
}

func TestAFullLineLetsTheOldestProvisionalGoWhoeversItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.away()
		cfg := outbox.Default()
		cfg.Capacity = 4
		o := start(t, cfg, s)
		publish(t, o, final("alice", 1), provisional("bob", 1), provisional("alice", 2), final("bob", 1))
		time.Sleep(time.Second)                // they were tried in vain
		publish(t, o, final("alice", 2))       // bob's provisional goes
		publish(t, o, provisional("alice", 3)) // alice's older one goes
		publish(t, o, final("bob", 2))         // and the last
		publish(t, o, provisional("bob", 3))   // finals alone: it goes itself
		s.back()
		require.NoError(t, o.Flush(t.Context()))
		assert.Equal(t, []string{"alice 1 final", "bob 1 final", "alice 2 final", "bob 2 final"}, ids(s.got()))
	})
}

func TestWhereFinalsFillTheLineTheOldestGoesOrPublishWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.away()
		cfg := outbox.Default()
		cfg.Capacity = 2
		o := start(t, cfg, s)
		publish(t, o, final("alice", 1), final("alice", 2), final("alice", 3))
		s.back()
		require.NoError(t, o.Flush(t.Context()))
		assert.Equal(t, []string{"alice 2 final", "alice 3 final"}, ids(s.got()))
	})
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.away()
		cfg := outbox.Default()
		cfg.Capacity, cfg.Full = 2, outbox.Block
		o := start(t, cfg, s)
		publish(t, o, final("alice", 1), final("alice", 2))
		soon, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, o.Publish(soon, final("alice", 3)), context.DeadlineExceeded)
		done := make(chan error)
		go func() { done <- o.Publish(t.Context(), final("alice", 3)) }()
		synctest.Wait()
		s.back()
		require.NoError(t, <-done)
		require.NoError(t, o.Flush(t.Context()))
		assert.Equal(t, []string{"alice 1 final", "alice 2 final", "alice 3 final"}, ids(s.got()))
	})
}

func TestWhatIsUnderWayIsNotDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrived, release := make(chan struct{}), make(chan struct{})
		s := &server{}
		cfg := outbox.Default()
		cfg.Capacity, cfg.Linger = 1, 0
		o := start(t, cfg, publisher(func(ctx context.Context, e *sink.Event) error {
			arrived <- struct{}{}
			<-release
			return s.Publish(ctx, e)
		}))
		publish(t, o, final("alice", 1))
		<-arrived
		publish(t, o, final("alice", 2)) // no room: it goes itself
		close(release)
		require.NoError(t, o.Flush(t.Context()))
		assert.Equal(t, []string{"alice 1 final"}, ids(s.got()))
	})
}

func TestOnlyWhatFailedIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bulk{server: &server{}}
		b.breaks(func(e *sink.Event) error {
			if e.Participant == "bob" {
				return errAway
			}
			return nil
		})
		o := start(t, outbox.Default(), b)
		publish(t, o, final("alice", 1), final("bob", 1), final("alice", 2), final("bob", 2))
		time.Sleep(time.Second)
		assert.Equal(t, []string{"alice 1 final", "alice 2 final"}, ids(b.got()))
		b.back()
		require.NoError(t, o.Flush(t.Context()))
		assert.Equal(t, []string{"alice 1 final", "alice 2 final", "bob 1 final", "bob 2 final"}, ids(b.got()))
	})
}

func TestEventsTravelTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bulk{server: &server{}}
		cfg := outbox.Default()
		cfg.Batch = 3
		o := start(t, cfg, b)
		for i := range 7 {
			publish(t, o, final("alice", i))
		}
		require.NoError(t, o.Flush(t.Context()))
		assert.Equal(t, []int{3, 3, 1}, b.sizes)
	})
}

func TestAnEventThatNobodyCanTakeHoldsUpNoOther(t *testing.T) {
	bad := func() *sink.Event {
		e := final("alice", 2)
		e.Score = sink.Number(math.NaN())
		return e
	}
	for name, next := range map[string]func(s *server) sink.Publisher{
		"one by one": func(s *server) sink.Publisher { return s },
		"each":       func(s *server) sink.Publisher { return &bulk{server: s} },
		"whole":      func(s *server) sink.Publisher { return &bulk{server: s, whole: true} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{fault: func(e *sink.Event) error {
					if e.Participant == "huge" {
						return fmt.Errorf("%w: it is too large", outbox.ErrRefused)
					}
					return nil
				}}
				o := start(t, outbox.Default(), next(s))
				publish(t, o, final("alice", 1), bad(), final("huge", 1), final("alice", 3))
				require.NoError(t, o.Flush(t.Context()))
				assert.Equal(t, []string{"alice 1 final", "alice 3 final"}, ids(sink.Newest(s.got())))
			})
		})
	}
}

func TestErasingDropsWhatWaitsAndComesBeforeWhatFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		o := start(t, outbox.Default(), s)
		publish(t, o, final("alice", 1), final("bob", 1))
		require.NoError(t, o.Flush(t.Context()))
		s.away()
		publish(t, o, final("alice", 2), final("bob", 2))
		time.Sleep(time.Second)
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, o.Erase(soon, "call", "alice"), context.DeadlineExceeded)
		publish(t, o, final("alice", 3))
		s.back()
		require.NoError(t, o.Flush(t.Context()))
		assert.Equal(t, []string{"call/alice"}, s.erased, "it is done later all the same")
		assert.Equal(t, []string{"bob 1 final", "bob 2 final", "alice 3 final"}, ids(s.got()))
		require.NoError(t, o.Erase(t.Context(), "call", "bob"))
		assert.Equal(t, []string{"alice 3 final"}, ids(s.got()))
	})
}

func TestASinkThatKeepsNothingErasesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, outbox.Default(), publisher(func(context.Context, *sink.Event) error { return nil }))
		require.NoError(t, o.Erase(t.Context(), "call", "alice"))
	})
}

func TestShutdownDeliversWhatWaitsUntilItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		o := start(t, outbox.Default(), s)
		publish(t, o, final("alice", 1), final("alice", 2))
		require.NoError(t, o.Shutdown(t.Context()))
		assert.Len(t, s.got(), 2)
		require.NoError(t, o.Shutdown(t.Context()), "it may be called twice")
		require.ErrorIs(t, o.Publish(t.Context(), final("alice", 3)), sink.ErrClosed)
		require.ErrorIs(t, o.Erase(t.Context(), "call", "alice"), sink.ErrClosed)
		require.ErrorIs(t, o.Start(t.Context()), outbox.ErrStarted)
	})
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.away()
		cfg := outbox.Default()
		cfg.Full, cfg.Capacity = outbox.Block, 1
		o := start(t, cfg, s)
		publish(t, o, final("alice", 1))
		waiting := make(chan error)
		go func() { waiting <- o.Publish(t.Context(), final("alice", 2)) }()
		synctest.Wait()
		deadline, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, o.Shutdown(deadline), context.DeadlineExceeded)
		require.ErrorIs(t, <-waiting, sink.ErrClosed)
		assert.Empty(t, s.got())
	})
}

func TestASinkThatWasClosedIsNotAskedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := start(t, outbox.Default(), publisher(func(context.Context, *sink.Event) error { return sink.ErrClosed }))
		publish(t, o, final("alice", 1))
		require.NoError(t, o.Flush(t.Context()))
	})
}

func TestSettingsThatCannotBeUsedAreListed(t *testing.T) {
	require.NoError(t, outbox.Default().Validate())
	var none outbox.Config
	err := none.Validate()
	require.ErrorIs(t, err, outbox.ErrConfig)
	for _, key := range []string{"capacity", "batch", "timeout", "retry_min", "full"} {
		require.ErrorContains(t, err, "sink.outbox."+key)
	}
	_, err = outbox.New("test", none, &server{}, telemetry.Nop())
	require.ErrorIs(t, err, outbox.ErrConfig)
	o, err := outbox.New("test", outbox.Default(), &server{}, telemetry.Nop())
	require.NoError(t, err)
	require.NoError(t, o.Shutdown(t.Context()), "one that was never started")
}

func BenchmarkPublish(b *testing.B) {
	for name, next := range map[string]sink.Publisher{
		"one by one": publisher(func(context.Context, *sink.Event) error { return nil }),
		"batches":    nothing{},
	} {
		b.Run(name, func(b *testing.B) {
			cfg := outbox.Default()
			cfg.Full = outbox.Block
			o, err := outbox.New("bench", cfg, next, telemetry.Nop())
			if err != nil {
				b.Fatal(err)
			}
			if err := o.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			e := final("alice", 1)
			b.ReportAllocs()
			for b.Loop() {
				if err := o.Publish(b.Context(), e); err != nil {
					b.Fatal(err)
				}
			}
			if err := o.Shutdown(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

type nothing struct{}

func (nothing) Publish(context.Context, *sink.Event) error        { return nil }
func (nothing) PublishBatch(context.Context, []*sink.Event) error { return nil }

func TestAnErrorOfABatchSaysEachThingOnceAndOfHowManyEvents(t *testing.T) {
	away, quota := errors.New("redis is unavailable"), errors.New("over quota")
	err := &outbox.BatchError{Errs: []error{away, nil, quota, away}}
	assert.Equal(t, "2 of 4 events: redis is unavailable\n1 of 4 events: over quota", err.Error())
	require.ErrorIs(t, err, quota)
}

// checked is a sink that is asked whether it is ready.
type checked struct {
	sink.Publisher
	err error
}

func (c checked) Check(context.Context) error { return c.err }

func TestASinkThatIsNotReadyIsSaidAtTheStartAndTriedAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &server{}
		var log bytes.Buffer
		set := telemetry.Nop()
		set.Logger = slog.New(slog.NewTextHandler(&log, nil))
		o, err := outbox.New("test", outbox.Default(), checked{store, errors.New("no route to host")}, set)
		require.NoError(t, err)
		require.NoError(t, o.Start(t.Context()))
		synctest.Wait()
		assert.Contains(t, log.String(), "no route to host")
		publish(t, o, sinktest.Event("call", "alice", 1))
		require.NoError(t, o.Shutdown(t.Context()))
		assert.Len(t, store.got(), 1)
	})
}
