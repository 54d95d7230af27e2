package video

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBaselineIsTheShrunkMeanOfTheLastThirtySeconds(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 5 {
		var b baseline
		var steps []int64
		var seen [][Dim]float32
		step := int64(rng.IntN(1000)) - 500
		for range 600 {
			step += 1 + int64(rng.ExpFloat64()*rng.Float64()*3)
			if rng.IntN(200) == 0 {
				step += int64(rng.IntN(400))
			}
			var e [Dim]float32
			for k := range e {
				e[k] = float32(rng.NormFloat64() + 2)
			}
			var sum [Dim]float64
			n := 0
			for i, s := range steps {
				if s >= step-150 {
					n++
					for k, v := range seen[i] {
						sum[k] += float64(v)
					}
				}
			}
			var got [Dim]float32
			b.subtract(got[:], &e, step)
			for k := range got {
				require.InDelta(t, float64(e[k])-sum[k]/float64(150+n), float64(got[k]), 1e-5)
			}
			steps, seen = append(steps, step), append(seen, e)
		}
	}
}

func TestBaselineLeavesTheFirstFaceAsItIs(t *testing.T) {
	var b baseline
	e := [Dim]float32{1, -2, 3}
	var got [Dim]float32
	b.subtract(got[:], &e, 7)
	assert.Equal(t, e, got)
}

func TestBaselineTakesAwayAtMostHalfOfWhatStays(t *testing.T) {
	var b baseline
	e := [Dim]float32{1}
	var got [Dim]float32
	for step := range int64(1000) {
		b.subtract(got[:], &e, step)
	}
	assert.InDelta(t, .5, got[0], 1e-6)
}
