package onnx_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/inference/onnx"
	"github.com/valence-live/valence/ingest"
)

const ms = time.Millisecond

func predictor(tb testing.TB) *onnx.Predictor {
	tb.Helper()
	p, err := openRuntime(tb).Predictor(tiny(tb))
	require.NoError(tb, err)
	return p
}

func scoreOne(tb testing.TB, p *onnx.Predictor, w *features.Window) inference.Score {
	tb.Helper()
	results := p.Predict(tb.Context(), []*features.Window{w})
	require.Len(tb, results, 1)
	require.NoError(tb, results[0].Err)
	return results[0].Score
}

func TestScoreIsWhatTheNetSaysOnTheScaleOfEvents(t *testing.T) {
	w := window(t, tokens(1, 2), sound(0.6, 0, 100*ms), faces(-0.3, 0))
	s := scoreOne(t, predictor(t), w)

	const raw = 1.5 + 0.6 - 0.3
	assert.Same(t, w, s.Window)
	assert.InDelta(t, raw/3, s.Value, 1e-6)
	assert.Equal(t, inference.Positive, s.Polarity)
	assert.InDelta(t, 1, s.Probabilities[0]+s.Probabilities[1]+s.Probabilities[2], 1e-12)
	assert.InDelta(t, math.Exp(raw)/(math.Exp(raw)+1+math.Exp(-raw)), s.Probabilities[inference.Positive], 1e-6)
	assert.InDelta(t, 0.5, s.Streams[ingest.Text].Value, 1e-6)
	assert.InDelta(t, 0.2, s.Streams[ingest.Audio].Value, 1e-6)
	assert.InDelta(t, -0.1, s.Streams[ingest.Video].Value, 1e-6)
	for _, c := range s.Streams {
		assert.InDelta(t, 1.0/3, c.Weight, 1e-6)
	}
	assert.Equal(t, []float32{0.5, 0.5}, s.Attention)
	assert.Equal(t, "tiny", s.Model.Name)
	assert.Positive(t, s.Inference)
}

func TestIntervalUsesTheQuantileOfTheStreamsThatWerePresent(t *testing.T) {
	p := predictor(t)
	m := tiny(t).Manifest
	parts := [ingest.NumModalities]func(*features.Window){tokens(0.3), sound(0.3, 0), faces(0.3, 0)}
	for _, present := range model.Patterns() {
		t.Run(model.Pattern(present), func(t *testing.T) {
			var in []func(*features.Window)
			for _, modality := range ingest.Modalities() {
				if present[modality] {
					in = append(in, parts[modality])
				}
			}
			s := scoreOne(t, p, window(t, in...))
			q, err := m.Quantile(present, onnx.DefaultLevel)
			require.NoError(t, err)
			raw := 0.3 * float64(len(in))
			half := q * math.Exp(-raw/10)
			assert.InDelta(t, raw/3, s.Value, 1e-6)
			assert.InDelta(t, max(raw-half, -3)/3, s.Interval.Low, 1e-6)
			assert.InDelta(t, min(raw+half, 3)/3, s.Interval.High, 1e-6)
			assert.InDelta(t, onnx.DefaultLevel, s.Interval.Level, 0)
			for _, modality := range ingest.Modalities() {
				want := inference.Contribution{}
				if present[modality] {
					want = inference.Contribution{Value: s.Streams[modality].Value, Weight: 1 / float64(len(in))}
					assert.InDelta(t, 0.1, want.Value, 1e-6)
				}
				assert.InDelta(t, want.Weight, s.Streams[modality].Weight, 1e-6)
				assert.InDelta(t, want.Value, s.Streams[modality].Value, 0)
			}
		})
	}
}

func TestScoreAndIntervalStayWithinTheScale(t *testing.T) {
	s := scoreOne(t, predictor(t), window(t, tokens(50)))
	assert.InDelta(t, 1, s.Value, 0)
	assert.InDelta(t, 1, s.Interval.High, 0)
	assert.Less(t, s.Interval.Low, 1.0)
	assert.InDelta(t, 1, s.Streams[ingest.Text].Value, 0)
}

func TestOnlyTheNewestTokensAreRead(t *testing.T) {
	s := scoreOne(t, predictor(t), window(t, tokens(9, 9, 9, 1, 1, 1, 1, 1, 1, 1, 1))) // max_steps is 8
	assert.InDelta(t, 1.0/3, s.Value, 1e-6)
	assert.Len(t, s.Attention, 8)
}

func TestATokenCountsByTheTimeThatItStandsFor(t *testing.T) {
	s := scoreOne(t, predictor(t), window(t, tokens(2, -1), standing(0.25, 0.5)))
	assert.InDelta(t, 0, s.Value, 1e-6)
	assert.Equal(t, []float32{0.5, 0.5}, s.Attention, "the net looks at each token alike")
}

func TestWhatWasSaidBeforeIsHeardWithTheText(t *testing.T) {
	p := predictor(t)
	s := scoreOne(t, p, window(t, tokens(0.6), sound(0.3, 0), before(1, 8)))
	assert.InDelta(t, (0.6+0.25+0.3)/3, s.Value, 1e-6)
	assert.InDelta(t, 0.85/3, s.Streams[ingest.Text].Value, 1e-6)
	assert.Equal(t, 8*time.Second, s.Context)
	s = scoreOne(t, p, window(t, sound(0.3, 0), before(1, 8)))
	assert.InDelta(t, 0.1, s.Value, 1e-6, "without text it is context of nothing")
	assert.Zero(t, s.Context)
	s = scoreOne(t, p, window(t, tokens(0.6), before(1, 0)))
	assert.InDelta(t, 0.2, s.Value, 1e-6)
	assert.Zero(t, s.Context)
}

func TestALongUtteranceIsPlacedFromWhereItsContentBegins(t *testing.T) {
	p := predictor(t)
	whole := scoreOne(t, p, window(t, sound(1, 0, 100*ms)))
	cut := scoreOne(t, p, window(t, sound(1, 0, 100*ms), func(w *features.Window) { w.Start = w.Start.Add(-time.Minute) }))
	assert.InDelta(t, whole.Value, cut.Value, 1e-12)
}

func TestVectorsOutsideTheWindowAreNotRead(t *testing.T) {
	p := predictor(t)
	s := scoreOne(t, p, window(t, sound(1.5, 0), sound(9, -ms, -100*ms, time.Second, 5*time.Second)))
	assert.InDelta(t, 0.5, s.Value, 1e-6)
}

func TestUnusableStepsAreMasked(t *testing.T) {
	s := scoreOne(t, predictor(t), window(t, sound(1.5, 900*ms), func(w *features.Window) {
		w.Audio = append([]features.Vector{{Modality: ingest.Audio, Start: epoch, Reason: ingest.ReasonNoSpeech}}, w.Audio...)
	}))
	assert.InDelta(t, 0.5, s.Value, 1e-6)
}

func TestStreamThatIsNotPresentIsNotRead(t *testing.T) {
	s := scoreOne(t, predictor(t), window(t, tokens(1), sound(2, 0), func(w *features.Window) {
		w.Streams[ingest.Audio] = features.Stream{Reason: ingest.ReasonPolicy}
	}))
	assert.InDelta(t, 1.0/3, s.Value, 1e-6)
	assert.Zero(t, s.Streams[ingest.Audio])
}

func TestReusedTensorsKeepNothingOfTheWindowBefore(t *testing.T) {
	p := predictor(t)
	small := window(t, tokens(1), faces(0.5, 400*ms))
	first := scoreOne(t, p, small)
	for _, n := range []int{1, 3, 1} {
		scoreOne(t, p, window(t, tokens(7, 7, 7), sound(-5, 0, 900*ms), faces(9, 0, 200*ms, 800*ms), before(6, 20)))
		for range n {
			again := scoreOne(t, p, small)
			again.Inference = first.Inference
			assert.Equal(t, first, again)
		}
	}
}

func TestBatchGivesEachWindowWhatItGetsAlone(t *testing.T) {
	p := predictor(t)
	var windows []*features.Window
	for i := range 150 { // more than one run
		x := float32(i%7) - 3
		switch i % 4 {
		case 0:
			windows = append(windows, window(t, tokens(x, 1, x), standing(0.1, 0.5, 0.2), before(x, float32(i%11))))
		case 1:
			windows = append(windows, window(t, sound(x, 0, 500*ms, 900*ms)))
		case 2:
			windows = append(windows, window(t, faces(x/2, 800*ms), tokens(x)))
		default:
			windows = append(windows, window(t, tokens(x), sound(0.1, 300*ms), faces(x/2, 200*ms), before(1, 30)))
		}
	}
	batch := p.Predict(t.Context(), windows)
	require.Len(t, batch, len(windows))
	for i, w := range windows {
		require.NoError(t, batch[i].Err)
		alone := scoreOne(t, p, w)
		assert.Same(t, w, batch[i].Score.Window)
		assert.InDelta(t, alone.Value, batch[i].Score.Value, 1e-5)
		assert.InDelta(t, alone.Interval.Low, batch[i].Score.Interval.Low, 1e-5)
		assert.Equal(t, alone.Attention, batch[i].Score.Attention)
	}
}

func TestWindowThatCannotBeScoredLeavesTheOthersAlone(t *testing.T) {
	p := predictor(t)
	good := window(t, tokens(1))
	nan := window(t, tokens(float32(math.NaN())))
	deaf := window(t, sound(float32(math.NaN()), 0), tokens(1))
	long := window(t, tokens(1), func(w *features.Window) { w.End = w.Start.Add(2001 * ms) })
	backwards := window(t, tokens(1), func(w *features.Window) { w.End = w.Start })
	wide := window(t, tokens(1), func(w *features.Window) { w.Text[0].Values = make([]float32, 5) })
	results := p.Predict(t.Context(), []*features.Window{nan, good, window(t), long, wide, deaf, backwards, good})

	for i, want := range []error{onnx.ErrOutput, nil, onnx.ErrEmpty, onnx.ErrInput, onnx.ErrInput, onnx.ErrOutput, onnx.ErrInput, nil} {
		require.ErrorIs(t, results[i].Err, want, "window %d", i)
		if want == nil {
			assert.InDelta(t, 1.0/3, results[i].Score.Value, 1e-6)
		} else {
			require.ErrorContains(t, results[i].Err, "score call/alice/sliding/")
			assert.Zero(t, results[i].Score)
		}
	}
}

func TestTextWhoseTimeMakesNoSenseIsRefused(t *testing.T) {
	p := predictor(t)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for want, part := range map[string]func(*features.Window){
		"a text vector stands for 0 s, the model takes a finite number above 0":    standing(1, 0),
		"a text vector stands for -1 s, the model takes a finite number above 0":   standing(-1),
		"a text vector stands for NaN s, the model takes a finite number above 0":  standing(nan),
		"a text vector stands for +Inf s, the model takes a finite number above 0": standing(1, inf),
		"-1 s were said before the window, the model takes a finite number from 0": before(1, -1),
		"NaN s were said before the window, the model takes a finite number from":  before(1, nan),
		"+Inf s were said before the window, the model takes a finite number from": before(1, inf),
		"what was said before the window has 3 numbers, the model takes 4":         func(w *features.Window) { w.Before = features.Before{Values: make([]float32, 3)} },
		"what was said before the window has 0 numbers, the model takes 4":         func(w *features.Window) { w.Before.Seconds = 2 },
	} {
		t.Run(want, func(t *testing.T) {
			results := p.Predict(t.Context(), []*features.Window{window(t, tokens(1, 1), part), window(t, tokens(1))})
			require.ErrorIs(t, results[0].Err, onnx.ErrInput)
			require.ErrorContains(t, results[0].Err, want)
			require.NoError(t, results[1].Err)
		})
	}
	silent := window(t, sound(1, 0), before(1, nan), func(w *features.Window) { w.Text = []features.Vector{{}} })
	require.NoError(t, p.Predict(t.Context(), []*features.Window{silent})[0].Err, "what is not read need not make sense")
}

func TestCancelledBatchIsNotRun(t *testing.T) {
	p := predictor(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range p.Predict(ctx, []*features.Window{window(t, tokens(1)), window(t, tokens(2))}) {
		require.ErrorIs(t, r.Err, context.Canceled)
	}
	assert.Empty(t, p.Predict(t.Context(), nil))
}

func TestLevelThatIsNotCalibratedIsRefused(t *testing.T) {
	r, err := onnx.Open(onnx.Config{Level: 0.5})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	_, err = r.Predictor(tiny(t))
	require.ErrorIs(t, err, model.ErrLevel)
}

func TestLevelChoosesTheInterval(t *testing.T) {
	r, err := onnx.Open(onnx.Config{Level: 0.8})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	p, err := r.Predictor(tiny(t))
	require.NoError(t, err)
	s := scoreOne(t, p, window(t, tokens(0)))
	assert.Equal(t, inference.Interval{Level: 0.8, Low: -1.0 / 3, High: 1.0 / 3}, s.Interval)
	assert.Equal(t, inference.Neutral, s.Polarity)
}

func TestTheMaskOfTheTextIsTheTimeOfEachToken(t *testing.T) {
	w := window(t, tokens(1, 2, 3), standing(0.5, 0.25, 0.125), func(w *features.Window) { w.Text[1].Values = nil })
	assert.Equal(t, []float32{0.5, 0, 0.125}, onnx.GridMask(tiny(t).Manifest, ingest.Text, w))
}

func TestVectorsStandOnTheGridOfTheWindow(t *testing.T) {
	for _, c := range []struct {
		at   time.Duration
		slot int
	}{{0, 0}, {99 * ms, 0}, {100 * ms, 1}, {199*ms + 999*time.Microsecond, 1}, {999 * ms, 9}} {
		t.Run(fmt.Sprint(c.at), func(t *testing.T) {
			mask := onnx.GridMask(tiny(t).Manifest, ingest.Audio, window(t, sound(1, c.at)))
			want := make([]float32, c.slot+1)
			want[c.slot] = 1
			assert.Equal(t, want, mask)
		})
	}
}
