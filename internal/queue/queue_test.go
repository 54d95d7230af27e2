package queue_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/queue"
)

func newQueue(tb testing.TB, capacity int, policy queue.Policy) *queue.Queue[int] {
	tb.Helper()
	q, err := queue.New[int](capacity, policy, nil)
	require.NoError(tb, err)
	return q
}

func put(tb testing.TB, q *queue.Queue[int], values ...int) {
	tb.Helper()
	for _, v := range values {
		require.NoError(tb, q.Put(tb.Context(), v))
	}
}

// rest closes the queue and returns what was in it.
func rest(tb testing.TB, q *queue.Queue[int]) []int {
	tb.Helper()
	q.Close()
	var out []int
	for {
		v, err := q.Get(tb.Context())
		if err != nil {
			require.ErrorIs(tb, err, queue.ErrClosed)
			return out
		}
		out = append(out, v)
	}
}

func TestWhatGoesInComesOutInOrder(t *testing.T) {
	for _, policy := range []queue.Policy{queue.Block, queue.DropOldest} {
		q := newQueue(t, 3, policy)
		put(t, q, 1, 2)
		v, err := q.Get(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		put(t, q, 3, 4)
		assert.Equal(t, 3, q.Len())
		assert.Equal(t, []int{2, 3, 4}, rest(t, q))
		require.ErrorIs(t, q.Put(t.Context(), 5), queue.ErrClosed)
	}
}

func TestAFullQueueDropsTheOldestAndCountsIt(t *testing.T) {
	var dropped []int
	q, err := queue.New(2, queue.DropOldest, func(v int, why queue.Reason) {
		assert.Equal(t, queue.ReasonFull, why)
		dropped = append(dropped, v)
	})
	require.NoError(t, err)
	put(t, q, 1, 2, 3, 4, 5)
	assert.Equal(t, []int{1, 2, 3}, dropped)
	assert.EqualValues(t, 3, q.Dropped(queue.ReasonFull))
	assert.Equal(t, []int{4, 5}, rest(t, q))
}

func TestAFullQueueBlocksUntilThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, 1, queue.Block)
		put(t, q, 1)
		var waited time.Duration
		go func() {
			start := time.Now()
			assert.NoError(t, q.Put(t.Context(), 2))
			waited = time.Since(start)
		}()
		time.Sleep(time.Minute)
		assert.Equal(t, 1, q.Len())
		v, err := q.Get(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, v)
		synctest.Wait()
		assert.Equal(t, time.Minute, waited)
		assert.Equal(t, []int{2}, rest(t, q))
		assert.Zero(t, q.Dropped(queue.ReasonFull))
	})
}

func TestAnEmptyQueueWaitsForTheFirstItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, 1, queue.DropOldest)
		got := make(chan int)
		go func() {
			v, err := q.Get(t.Context())
			assert.NoError(t, err)
			got <- v
		}()
		time.Sleep(time.Second)
		put(t, q, 7)
		assert.Equal(t, 7, <-got)
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full, empty := newQueue(t, 1, queue.Block), newQueue(t, 1, queue.Block)
		put(t, full, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, full.Put(ctx, 2), context.DeadlineExceeded)
		_, err := empty.Get(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))

		v, err := full.Get(ctx)
		require.NoError(t, err, "an item that is there")
		assert.Equal(t, 1, v)
		require.NoError(t, full.Put(ctx, 3), "where there is room")
	})
}

func TestCloseWakesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full, empty := newQueue(t, 1, queue.Block), newQueue(t, 1, queue.Block)
		put(t, full, 1)
		for range 3 {
			go func() { assert.ErrorIs(t, full.Put(t.Context(), 2), queue.ErrClosed) }()
			go func() {
				_, err := empty.Get(t.Context())
				assert.ErrorIs(t, err, queue.ErrClosed)
			}()
		}
		synctest.Wait()
		full.Close()
		empty.Close()
		synctest.Wait()
		assert.Equal(t, []int{1}, rest(t, full))
	})
}

func TestDiscardGivesBackEverythingThatIsLeft(t *testing.T) {
	var dropped []int
	q, err := queue.New(4, queue.Block, func(v int, why queue.Reason) {
		assert.Equal(t, queue.ReasonAbandoned, why)
		dropped = append(dropped, v)
	})
	require.NoError(t, err)
	put(t, q, 1, 2, 3)
	q.Discard()
	assert.Equal(t, []int{1, 2, 3}, dropped)
	assert.EqualValues(t, 3, q.Dropped(queue.ReasonAbandoned))
	_, err = q.Get(t.Context())
	require.ErrorIs(t, err, queue.ErrClosed)
}

func TestDropMayUseTheQueue(t *testing.T) {
	var q *queue.Queue[int]
	q, err := queue.New(1, queue.DropOldest, func(int, queue.Reason) { assert.Equal(t, 1, q.Len()) })
	require.NoError(t, err)
	put(t, q, 1, 2)
}

func TestManyProducersAndConsumersLoseNothing(t *testing.T) {
	const producers, each = 4, 1000
	q := newQueue(t, 8, queue.Block)
	var in, out sync.WaitGroup
	for p := range producers {
		in.Go(func() {
			for i := range each {
				assert.NoError(t, q.Put(t.Context(), p*each+i))
			}
		})
	}
	var mu sync.Mutex
	seen := map[int]bool{}
	for range 3 {
		out.Go(func() {
			last := map[int]int{}
			for {
				v, err := q.Get(t.Context())
				if err != nil {
					assert.ErrorIs(t, err, queue.ErrClosed)
					return
				}
				before, ok := last[v/each]
				assert.True(t, !ok || before < v, "the order of one producer")
				last[v/each] = v
				mu.Lock()
				seen[v] = true
				mu.Unlock()
			}
		})
	}
	in.Wait()
	q.Close()
	out.Wait()
	assert.Len(t, seen, producers*each)
}

func TestAQueueWithoutRoomOrPolicyIsRefused(t *testing.T) {
	_, err := queue.New[int](0, queue.Block, nil)
	require.ErrorIs(t, err, queue.ErrCapacity)
	_, err = queue.New[int](1, queue.Policy(9), nil)
	require.ErrorIs(t, err, queue.ErrCapacity)
}

func BenchmarkPutGet(b *testing.B) {
	q := newQueue(b, 64, queue.Block)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Put(ctx, 1); err != nil {
			b.Fatal(err)
		}
		if _, err := q.Get(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
