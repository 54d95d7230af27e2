package video

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatchFindsWhereTheCropWentInAnyLight(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 100 {
		p := noise(rng, windowSide, windowSide)
		var window [windowSide * windowSide]float32
		cropFrame(window[:], windowSide, p, frame{centre: point{32, 32}, side: windowSide})
		wantX, wantY := rng.IntN(2*reach-1)-reach+1, rng.IntN(2*reach-1)-reach+1
		var crop [CropSide * CropSide]float32
		for y := range CropSide {
			for x := range CropSide {
				crop[y*CropSide+x] = window[(y+reach+wantY)*windowSide+x+reach+wantX] + 40
			}
		}
		dx, dy, ok := match(&crop, &window)
		require.True(t, ok)
		assert.Equal(t, []int{wantX, wantY}, []int{dx, dy})
	}
}

func TestMatchRefusesAnUnrelatedOrPlainPicture(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 10))
	var crop [CropSide * CropSide]float32
	var window [windowSide * windowSide]float32
	cropFrame(crop[:], CropSide, noise(rng, 100, 100), frame{centre: point{50, 50}, side: 60})
	cropFrame(window[:], windowSide, noise(rng, 100, 100), frame{centre: point{50, 50}, side: 80})
	_, _, ok := match(&crop, &window)
	assert.False(t, ok, "unrelated")
	clear(window[:])
	_, _, ok = match(&crop, &window)
	assert.False(t, ok, "plain")
	clear(crop[:])
	_, _, ok = match(&crop, &window)
	assert.False(t, ok, "nothing to follow")
}
