package video

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
)

func noise(rng *rand.Rand, width, height int) *ingest.Picture {
	p := &ingest.Picture{Width: width, Height: height, FullRange: true, YStride: width + rng.IntN(5)}
	p.Y = make([]byte, p.YStride*height)
	for i := range p.Y {
		p.Y[i] = byte(rng.IntN(256))
	}
	return p
}

func TestCropOfACropIsTheCrop(t *testing.T) {
	p := noise(rand.New(rand.NewPCG(5, 5)), CropSide, CropSide)
	var got [CropSide * CropSide]float32
	cropFrame(got[:], CropSide, p, frame{centre: point{24, 24}, side: CropSide})
	for y := range CropSide {
		for x := range CropSide {
			require.InDelta(t, float32(p.Y[y*p.YStride+x]), got[y*CropSide+x], 0)
		}
	}
}

func TestCropOfAWholeMultipleIsTheMeanOfItsPixels(t *testing.T) {
	const times = 3
	p := noise(rand.New(rand.NewPCG(6, 6)), CropSide*times, CropSide*times)
	var got [CropSide * CropSide]float32
	cropFrame(got[:], CropSide, p, frame{centre: point{CropSide * times / 2, CropSide * times / 2}, side: CropSide * times})
	for y := range CropSide {
		for x := range CropSide {
			var sum float64
			for j := range times {
				for i := range times {
					sum += float64(p.Y[(y*times+j)*p.YStride+x*times+i])
				}
			}
			require.InDelta(t, sum/times/times, float64(got[y*CropSide+x]), 1e-3)
		}
	}
}

func TestCropTurnsWithItsFrame(t *testing.T) {
	p := noise(rand.New(rand.NewPCG(7, 7)), CropSide, CropSide)
	var got [CropSide * CropSide]float32
	cropFrame(got[:], CropSide, p, frame{centre: point{24, 24}, side: CropSide, angle: math.Pi / 2})
	// A quarter turn clockwise: what the frame calls right is down in the picture.
	for y := range CropSide {
		for x := range CropSide {
			require.InDelta(t, float32(p.Y[x*p.YStride+CropSide-1-y]), got[y*CropSide+x], 1e-3)
		}
	}
}

func TestVideoRangeLumaIsStretched(t *testing.T) {
	p := &ingest.Picture{Width: 3, Height: 1, YStride: 3, Y: []byte{16, 126, 255}}
	l := lumaOf(p)
	assert.InDelta(t, 0, l.level(16), 1e-4)
	assert.InDelta(t, 255, l.level(235), 1e-4)
	assert.InDelta(t, 255, l.level(255), 1e-4)
	assert.InDelta(t, 0, l.level(3), 1e-4)
}

// TestViewIsTheMeanOfWhatEachPixelCovers compares with integrals over the plane.
func TestViewIsTheMeanOfWhatEachPixelCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for range 20 {
		p := noise(rng, 130+rng.IntN(300), 130+rng.IntN(300))
		s := square{rng.Float64()*100 - 50, rng.Float64()*100 - 50, 128 + rng.Float64()*300}
		var r resampler
		got := make([]float32, viewSide*viewSide)
		for i := range got {
			got[i] = -1
		}
		r.scale(got, p.Y, p.YStride, p.Width, p.Height, s)
		for range 200 {
			i, j := rng.IntN(viewSide), rng.IntN(viewSide)
			require.InDelta(t, plainMean(p, s, i, j), float64(got[j*viewSide+i]), 1e-2, "pixel %d,%d of %+v", i, j, s)
		}
	}
}

func plainMean(p *ingest.Picture, s square, i, j int) float64 {
	step := s.side / viewSide
	x0, y0 := s.x+float64(i)*step, s.y+float64(j)*step
	cx, cy := x0+step/2, y0+step/2
	if cx < 0 || cy < 0 || cx >= float64(p.Width) || cy >= float64(p.Height) {
		return -1
	}
	var sum, area float64
	for y := range p.Height {
		h := max(0, min(y0+step, float64(y+1))-max(y0, float64(y)))
		if h == 0 {
			continue
		}
		for x := range p.Width {
			w := max(0, min(x0+step, float64(x+1))-max(x0, float64(x)))
			sum += w * h * float64(p.Y[y*p.YStride+x])
			area += w * h
		}
	}
	return sum / area
}

func TestViewOfASmallPieceLiesBetweenItsPixels(t *testing.T) {
	var r resampler
	got := make([]float32, viewSide*viewSide)
	r.scale(got, []byte{0, 100, 0, 100}, 2, 2, 2, square{0, 0, 2})
	for i := 1; i < viewSide; i++ {
		assert.GreaterOrEqual(t, got[i], got[i-1])
	}
	assert.InDelta(t, 50, got[viewSide/2], 1)
}

func TestLookSeesColourAndBlackAroundThePicture(t *testing.T) {
	// BT.601 red in video range: Y 81, Cb 90, Cr 240.
	p := &ingest.Picture{Width: 64, Height: 32, YStride: 64, CStride: 32}
	p.Y, p.Cb, p.Cr = fill(64*32, 81), fill(32*16, 90), fill(32*16, 240)
	var l looker
	l.view(p, square{0, -16, 64})
	at := func(x, y int) []float32 { return l.rgb[(y*viewSide+x)*3:][:3] }
	assert.InDeltaSlice(t, []float32{1, -1, -1}, at(64, 64), 0.02)
	assert.InDeltaSlice(t, []float32{-1, -1, -1}, at(64, 5), 1e-6)
	assert.InDeltaSlice(t, []float32{-1, -1, -1}, at(64, 120), 1e-6)
}

func fill(n int, v byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = v
	}
	return b
}
