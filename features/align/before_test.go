package align_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/ingest"
)

// weights are what the tokens of a window stand for.
func weights(w *features.Window) []float32 {
	var all []float32
	for i := range w.Text {
		all = append(all, w.Text[i].Weight)
	}
	return all
}

// ending returns the newest sliding window that ends there.
func ending(t *testing.T, windows []*features.Window, end time.Duration) *features.Window {
	t.Helper()
	var found *features.Window
	for _, w := range windows {
		if w.Kind == features.Sliding && w.End.Equal(after(end)) {
			found = w
		}
	}
	require.NotNil(t, found, "no window ends at %s", end)
	return found
}

// talk hands in what was said, and lets everything become final.
func talk(t *testing.T, cfg align.Config, said ...features.Segment) []*features.Window {
	t.Helper()
	a, windows := gather(t, cfg)
	a.Push(features.Mark{Modality: ingest.Text, Time: after(0)})
	for _, s := range said {
		a.Push(s)
	}
	a.Flush()
	return *windows
}

func TestATokenStandsForItsShareOfItsSegmentsTimeInTheWindow(t *testing.T) {
	windows := talk(t, align.Default(),
		sentence("slow", 0, 6*time.Second, 6), // the last two words lie in [4s,12s)
		sentence("fast", 7*time.Second, 8*time.Second, 5),
		sentence("on", 11*time.Second, 15*time.Second, 2), // its words stand at 12 s and 14 s
	)
	assert.Equal(t, []float32{1, 1, .2, .2, .2, .2, .2}, weights(ending(t, windows, 12*time.Second)))
	assert.Equal(t, []float32{1, .2, .2, .2, .2, .2, 2}, weights(ending(t, windows, 13*time.Second)), "one word has all of [11s,13s)")
	assert.Equal(t, []float32{2, 2}, weights(ending(t, windows, 15*time.Second))[5:])
	whole := windows[len(windows)-1]
	require.Equal(t, "on", whole.Segment)
	assert.Equal(t, []float32{2, 2}, weights(whole))
}

func TestATokenStandsForAThousandthOfASecondAtLeast(t *testing.T) {
	s := sentence("a", 0, 4*time.Second+100*time.Microsecond, 1)
	s.Tokens[0].Start = s.Tokens[0].End // it counts at the end
	windows := talk(t, align.Default(), s, sentence("b", 10*time.Second, 12*time.Second, 1))
	assert.Equal(t, []float32{.001, 2}, weights(ending(t, windows, 12*time.Second)))
}

func TestWhatATokenStandsForIsCorrected(t *testing.T) {
	a, windows := gather(t, align.Default())
	s := sentence("a", 0, time.Second, 1)
	a.Push(s)
	a.Push(features.Mark{Modality: ingest.Text, Time: after(3 * time.Second)})
	*windows = nil
	s.Start = after(-time.Second)
	a.Push(s)
	w := ending(t, *windows, time.Second)
	assert.Equal(t, features.Corrected, w.State)
	assert.Equal(t, []float32{2}, weights(w))
	assert.InDelta(t, 1./8, w.Streams[ingest.Text].Coverage, 1e-12, "no word has moved")
}

func TestContextIsWhatWasSaidInTheTimeBeforeAWindow(t *testing.T) {
	cfg := align.Default()
	cfg.Context = 10 * time.Second
	windows := talk(t, cfg,
		sentence("before", 0, 4*time.Second, 4),
		sentence("fast", 5*time.Second, 6*time.Second, 4),
		sentence("across", 11*time.Second, 13*time.Second, 2),
	)
	w := ending(t, windows, 13*time.Second)
	require.Len(t, w.Text, 6)
	assert.Equal(t, features.Before{Values: []float32{1.5}, Seconds: 4}, w.Before, "what stands in the window is not before it")

	windows = talk(t, cfg,
		sentence("before", 0, 4*time.Second, 4),
		sentence("fast", 5*time.Second, 6*time.Second, 4),
		sentence("across", 11*time.Second, 13*time.Second, 2),
		sentence("last", 19*time.Second, 20*time.Second, 1),
	)
	w = ending(t, windows, 20*time.Second)
	require.Len(t, w.Text, 2, "the second word of the third sentence, and the last")
	assert.InDelta(t, 2+1+1, w.Before.Seconds, 1e-6, "[2s,4s), [5s,6s), [11s,12s)")
	require.Len(t, w.Before.Values, 1)
	assert.InDelta(t, (2+3+1.5+0)/4, w.Before.Values[0], 1e-6)
}

func TestWhereNothingWasSaidBeforeThereIsNoContext(t *testing.T) {
	said := []features.Segment{sentence("a", 0, 2*time.Second, 2), sentence("b", 12*time.Second, 14*time.Second, 2)}
	t.Run("at the start of a call", func(t *testing.T) {
		windows := talk(t, align.Default(), said...)
		for end := 1 * time.Second; end <= 8*time.Second; end += time.Second {
			assert.Zero(t, ending(t, windows, end).Before, end)
		}
		assert.InDelta(t, 2, ending(t, windows, 14*time.Second).Before.Seconds, 0)
	})
	t.Run("where each window is scored by itself", func(t *testing.T) {
		cfg := align.Default()
		cfg.Context = 0
		assert.Zero(t, ending(t, talk(t, cfg, said...), 14*time.Second).Before)
	})
	t.Run("long after the last word", func(t *testing.T) {
		windows := talk(t, align.Default(), said[0], sentence("late", 38*time.Second, 41*time.Second, 3))
		assert.Zero(t, ending(t, windows, 41*time.Second).Before)
		assert.InDelta(t, 1, ending(t, windows, 39*time.Second).Before.Seconds, 0)
	})
	t.Run("without words of its own", func(t *testing.T) {
		w := ending(t, talk(t, align.Default(), said...), 12*time.Second)
		assert.False(t, w.Streams[ingest.Text].Present)
		assert.Zero(t, w.Before)
	})
	t.Run("after it was taken back", func(t *testing.T) {
		a, windows := gather(t, align.Default())
		a.Push(said[0])
		a.Push(features.Mark{Modality: ingest.Text, Time: after(11 * time.Second)})
		a.Withdraw(ingest.Text, ingest.ReasonNoConsent)
		a.Push(said[1])
		a.Flush()
		w := ending(t, *windows, 14*time.Second)
		assert.Len(t, w.Text, 2)
		assert.Zero(t, w.Before)
	})
}

func TestAnUtteranceHearsAllThatWasSaidBeforeIt(t *testing.T) {
	windows := talk(t, align.Default(), sentence("question", 0, 2*time.Second, 1), sentence("monologue", 4*time.Second, 20*time.Second, 16))
	w := windows[len(windows)-1]
	require.Equal(t, "monologue", w.Segment)
	require.Equal(t, after(7200*time.Millisecond), w.From)
	require.Len(t, w.Text, 13)
	assert.InDelta(t, 12.8/13, w.Text[0].Weight, 1e-6)
	assert.InDelta(t, 2+3.2, w.Before.Seconds, 1e-6, "and of itself what is too long ago to be in it")
	assert.InDelta(t, 3.2*(0+1+2)/3/5.2, w.Before.Values[0], 1e-6)
}

func TestALateSentenceCorrectsNoWindowInWhichItIsOnlyContext(t *testing.T) {
	a, windows := gather(t, align.Default())
	a.Push(features.Mark{Modality: ingest.Text, Time: after(0)})
	a.Push(sentence("first", 0, time.Second, 1))
	a.Push(sentence("third", 14*time.Second, 15*time.Second, 3))
	a.Push(features.Mark{Modality: ingest.Text, Time: after(18 * time.Second)})
	*windows = nil
	a.Push(sentence("second", 2*time.Second, 4*time.Second, 2))
	for _, w := range *windows {
		assert.True(t, w.Start.Before(after(4*time.Second)), "%s", w.ID())
	}
	require.Len(t, *windows, 10, "[-5s,3s) to [3s,11s), and the utterance")
	assert.Equal(t, features.Before{Values: []float32{0}, Seconds: 1}, ending(t, *windows, 10*time.Second).Before)

	*windows = nil
	a.Push(sentence("fourth", 17*time.Second, 18*time.Second, 1))
	a.Flush()
	require.NotEmpty(t, *windows)
	w := ending(t, *windows, 18*time.Second)
	assert.Equal(t, features.Corrected, w.State)
	assert.InDelta(t, 1+2, w.Before.Seconds, 1e-6, "a window that is corrected hears what is known then")
}

func TestACorrectionHearsAsFarBackAsTheWindowDid(t *testing.T) {
	a, windows := gather(t, align.Default())
	a.Push(features.Mark{Modality: ingest.Text, Time: after(0)})
	a.Push(sentence("first", 0, time.Second, 1))
	a.Push(sentence("second", 25*time.Second, 26*time.Second, 1))
	for at := 27 * time.Second; at <= 59*time.Second; at += time.Second {
		a.Push(features.Mark{Modality: ingest.Text, Time: after(at)})
	}
	assert.InDelta(t, 1, ending(t, *windows, 30*time.Second).Before.Seconds, 0)
	*windows = nil
	a.Push(sentence("late", 28*time.Second, 30*time.Second, 2))
	w := ending(t, *windows, 30*time.Second)
	require.Equal(t, features.Corrected, w.State)
	assert.InDelta(t, 1, w.Before.Seconds, 0)
}

func TestContextHoldsNoReceipts(t *testing.T) {
	first, second := sentence("a", 0, time.Second, 1), sentence("b", 10*time.Second, 11*time.Second, 1)
	first.Receipt, second.Receipt = ingest.NewReceipt(func() {}), ingest.NewReceipt(func() {})
	w := ending(t, talk(t, align.Default(), first, second), 11*time.Second)
	require.InDelta(t, 1, w.Before.Seconds, 0)
	assert.Equal(t, []*ingest.Receipt{second.Receipt}, w.Receipts)
}
