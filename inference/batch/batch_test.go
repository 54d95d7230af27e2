package batch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/inference/batch"
	"github.com/valence-live/valence/internal/telemetry"
)

const ms = time.Millisecond

func TestDefaultsScoreEachWindowAlone(t *testing.T) {
	require.NoError(t, batch.Default().Validate())
	p := &predictor{}
	b := newBatcher(t, batch.Default(), p)
	for i, w := range people(t, 5) {
		s, err := b.Score(t.Context(), w)
		require.NoError(t, err)
		assert.Same(t, w, s.Window)
		assert.InDelta(t, i, s.Value, 0)
	}
	assert.Equal(t, []int{1, 1, 1, 1, 1}, p.sizes())
	require.NoError(t, b.Shutdown(t.Context()))
}

func TestSettingsThatCannotBeUsedAreAllReported(t *testing.T) {
	cfg := batch.Config{MaxSize: 0, MaxDelay: -ms, Deadline: -ms, Workers: -1}
	_, err := batch.New(cfg, telemetry.Nop(), &predictor{})
	require.ErrorIs(t, err, batch.ErrConfig)
	for _, message := range []string{
		"inference.batch.max_size is 0, it must be 1 to 1024",
		"inference.batch.max_delay is -1ms, it must be 0 to 10s",
		"inference.batch.deadline is -1ms, it must not be negative",
		"inference.batch.workers is -1, it must be 0 to 1024",
	} {
		require.ErrorContains(t, err, message)
	}
	err = batch.Config{MaxSize: 2, MaxDelay: 5 * ms, Deadline: 5 * ms}.Validate()
	require.ErrorContains(t, err, "deadline is 5ms, it must be longer than max_delay (5ms) or 0")
}

func TestFullBatchStartsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &predictor{takes: 3 * ms}
		b := newBatcher(t, batch.Config{MaxSize: 4, MaxDelay: time.Second, Workers: 1}, p)
		var answers []<-chan answer
		for _, w := range people(t, 4) {
			answers = append(answers, ask(t.Context(), b, w))
		}
		for i, c := range answers {
			a := <-c
			require.NoError(t, a.err)
			assert.InDelta(t, i, a.score.Value, 0)
			assert.Equal(t, 3*ms, a.took)
			assert.Zero(t, a.score.Queue)
		}
		assert.Equal(t, []int{4}, p.sizes())
	})
}

func TestBatchStartsWhenItsFirstWindowHasWaitedLongEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &predictor{}
		b := newBatcher(t, batch.Config{MaxSize: 4, MaxDelay: 10 * ms, Workers: 1}, p)
		w := people(t, 3)
		first := ask(t.Context(), b, w[0])
		time.Sleep(7 * ms)
		second := ask(t.Context(), b, w[1])
		time.Sleep(4 * ms)
		third := ask(t.Context(), b, w[2])
		assert.Equal(t, 10*ms, (<-first).score.Queue)
		assert.Equal(t, 3*ms, (<-second).score.Queue)
		assert.Equal(t, 10*ms, (<-third).score.Queue)
		assert.Equal(t, []int{2, 1}, p.sizes())
	})
}

func TestBatchTakesInMoreWhileNoWorkerIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &predictor{takes: 100 * ms}
		b := newBatcher(t, batch.Config{MaxSize: 3, MaxDelay: ms, Workers: 1}, p)
		var answers []<-chan answer
		for _, w := range people(t, 6) {
			answers = append(answers, ask(t.Context(), b, w))
			time.Sleep(10 * ms)
		}
		for _, c := range answers {
			require.NoError(t, (<-c).err)
		}
		assert.Equal(t, []int{1, 3, 2}, p.sizes())
	})
}

func TestWorkersRunBatchesSideBySide(t *testing.T) {
	for _, size := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			b := newBatcher(t, batch.Config{MaxSize: size, MaxDelay: time.Second, Workers: 2}, &predictor{takes: 10 * ms})
			var answers []<-chan answer
			for _, w := range people(t, 4*size) {
				answers = append(answers, ask(t.Context(), b, w))
			}
			begin := time.Now()
			for _, c := range answers {
				require.NoError(t, (<-c).err)
			}
			assert.Equal(t, 20*ms, time.Since(begin))
		})
	}
}

func TestErrorOfOneWindowIsItsOwn(t *testing.T) {
	broken := errors.New("broken")
	for _, size := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			b := newBatcher(t, batch.Config{MaxSize: size, MaxDelay: ms, Workers: 1}, &predictor{fail: map[int]error{1: broken}})
			var answers []<-chan answer
			for _, w := range people(t, 3) {
				answers = append(answers, ask(t.Context(), b, w))
			}
			for i, c := range answers {
				a := <-c
				if i == 1 {
					require.ErrorIs(t, a.err, broken)
					assert.Zero(t, a.score)
					continue
				}
				require.NoError(t, a.err)
				assert.InDelta(t, i, a.score.Value, 0)
			}
		})
	}
}

func TestCancelledWindowLeavesItsBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &predictor{}
		b := newBatcher(t, batch.Config{MaxSize: 4, MaxDelay: 10 * ms, Workers: 1}, p)
		w := people(t, 3)
		gone := errors.New("the caller hung up")
		ctx, cancel := context.WithCancelCause(t.Context())
		first, second, third := ask(t.Context(), b, w[0]), ask(ctx, b, w[1]), ask(t.Context(), b, w[2])
		time.Sleep(2 * ms)
		cancel(gone)
		a := <-second
		require.ErrorIs(t, a.err, gone)
		assert.Equal(t, 2*ms, a.took)
		require.NoError(t, (<-first).err)
		require.NoError(t, (<-third).err)
		assert.Equal(t, []int{2}, p.sizes())
	})
}

func TestWindowCancelledWhileItsBatchRunsIsGivenUpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBatcher(t, batch.Config{MaxSize: 2, MaxDelay: time.Second, Workers: 1}, &predictor{takes: 10 * ms})
		w := people(t, 2)
		ctx, cancel := context.WithTimeout(t.Context(), 5*ms)
		defer cancel()
		first, second := ask(ctx, b, w[0]), ask(t.Context(), b, w[1])
		a := <-first
		require.ErrorIs(t, a.err, context.DeadlineExceeded)
		assert.Equal(t, 5*ms, a.took)
		a = <-second
		require.NoError(t, a.err)
		assert.Equal(t, 10*ms, a.took)
	})
}

func TestBatchOfCancelledWindowsIsNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &predictor{}
		b := newBatcher(t, batch.Config{MaxSize: 4, MaxDelay: 10 * ms, Workers: 1}, p)
		ctx, cancel := context.WithTimeout(t.Context(), ms)
		defer cancel()
		require.ErrorIs(t, (<-ask(ctx, b, people(t, 1)[0])).err, context.DeadlineExceeded)
		time.Sleep(time.Second)
		assert.Empty(t, p.sizes())
		_, err := b.Score(ctx, people(t, 1)[0])
		require.ErrorIs(t, err, context.DeadlineExceeded, "a context that has ended is not begun with")
	})
}

func TestWindowThatWaitsTooLongFails(t *testing.T) {
	for _, size := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			p := &predictor{takes: time.Second}
			b := newBatcher(t, batch.Config{MaxSize: size, MaxDelay: ms, Deadline: 50 * ms, Workers: 1}, p)
			w := people(t, 2)
			first := ask(t.Context(), b, w[0])
			time.Sleep(2 * ms)
			a := <-ask(t.Context(), b, w[1])
			require.ErrorIs(t, a.err, batch.ErrDeadline)
			require.ErrorContains(t, a.err, "it waited 50ms")
			assert.Equal(t, 50*ms, a.took)
			a = <-first
			require.NoError(t, a.err, "a batch that has started is in time, however long it runs")
			require.NoError(t, b.Shutdown(t.Context()))
			assert.Equal(t, []int{1}, p.sizes())
		})
	}
}

func TestWindowsOfAParticipantKeepTheirOrder(t *testing.T) {
	for _, size := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			p := &predictor{takes: 5 * ms}
			b := newBatcher(t, batch.Config{MaxSize: size, MaxDelay: ms, Workers: 4}, p)
			alice, bob := person(t, "alice"), person(t, "bob")
			order := make(chan *features.Window, 100)
			for i := range 20 {
				for _, who := range [...]*features.Window{{Participant: alice, Revision: i}, {Participant: bob, Revision: i}} {
					go func() {
						s, err := b.Score(t.Context(), who)
						assert.NoError(t, err)
						order <- s.Window
					}()
					synctest.Wait() // it has joined the line
				}
			}
			var next [2]int
			for range 40 {
				w := <-order
				n := &next[0]
				if w.Participant == bob {
					n = &next[1]
				}
				assert.Equal(t, *n, w.Revision)
				*n++
			}
		})
	}
}

func TestWindowGivenUpInLineLetsTheNextThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBatcher(t, batch.Config{MaxSize: 1, Workers: 4}, &predictor{takes: 10 * ms})
		alice := person(t, "alice")
		window := func(i int) *features.Window { return &features.Window{Participant: alice, Revision: i} }
		ctx, cancel := context.WithTimeout(t.Context(), 5*ms)
		defer cancel()
		first := ask(t.Context(), b, window(0))
		synctest.Wait()
		second := ask(ctx, b, window(1))
		synctest.Wait()
		third := ask(t.Context(), b, window(2))
		require.ErrorIs(t, (<-second).err, context.DeadlineExceeded)
		require.NoError(t, (<-first).err)
		a := <-third
		require.NoError(t, a.err)
		assert.Equal(t, 20*ms, a.took)
		assert.Equal(t, 10*ms, a.score.Queue, "waiting in line is waiting")
	})
}

func TestPredictorThatAnswersTooFewIsAnError(t *testing.T) {
	b := newBatcher(t, batch.Default(), silent{})
	_, err := b.Score(t.Context(), people(t, 1)[0])
	require.ErrorIs(t, err, batch.ErrPredictor)
}

type silent struct{}

func (silent) Predict(context.Context, []*features.Window) []inference.Result { return nil }
