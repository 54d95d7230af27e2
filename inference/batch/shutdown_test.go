package batch_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/inference/batch"
)

func TestShutdownAnswersWhatIsLeftAndRefusesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &predictor{takes: 10 * ms}
		b := newBatcher(t, batch.Config{MaxSize: 8, MaxDelay: 10 * time.Second, Workers: 1}, p)
		var answers []<-chan answer
		for _, w := range people(t, 3) {
			answers = append(answers, ask(t.Context(), b, w))
		}
		synctest.Wait()
		begin := time.Now()
		require.NoError(t, b.Shutdown(t.Context()))
		assert.Equal(t, 10*ms, time.Since(begin), "a batch that is forming starts at once")
		for _, c := range answers {
			require.NoError(t, (<-c).err)
		}
		_, err := b.Score(t.Context(), people(t, 1)[0])
		require.ErrorIs(t, err, batch.ErrClosed)
		require.NoError(t, b.Shutdown(t.Context()), "twice is harmless")
	})
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	for _, size := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			b := newBatcher(t, batch.Config{MaxSize: size, Workers: 1}, &predictor{takes: time.Minute})
			var answers []<-chan answer
			for _, w := range people(t, 3*size) {
				answers = append(answers, ask(t.Context(), b, w))
				time.Sleep(ms)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.ErrorIs(t, b.Shutdown(ctx), context.DeadlineExceeded)
			failed := 0
			for _, c := range answers {
				if a := <-c; a.err != nil {
					require.ErrorIs(t, a.err, batch.ErrClosed)
					failed++
				}
			}
			assert.Positive(t, failed)
			assert.LessOrEqual(t, len(answers)-failed, 1, "one may have been running")
			require.NoError(t, b.Shutdown(t.Context()), "a second one can wait for the predictor")
		})
	}
}
