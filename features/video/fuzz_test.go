package video_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzPicturesOfAnySize(f *testing.F) {
	for _, size := range [][2]int{{1, 1}, {48, 48}, {3, 5}, {1, 4000}, {4000, 1}, {47, 48}, {641, 479}} {
		f.Add(size[0], size[1], 160.0, 120.0, 40.0, 0.2, true)
		f.Add(size[0], size[1], -10.0, 5.0, 3.0, 3.0, false)
	}
	f.Fuzz(func(t *testing.T, width, height int, x, y, eyes, angle float64, grey bool) {
		if width < 1 || height < 1 || width > 5000 || height > 5000 || width*height > 400_000 {
			t.Skip()
		}
		if !(math.Abs(x)+math.Abs(y)+math.Abs(angle) < 1e4) || !(eyes > .1 && eyes < 1e4) {
			t.Skip()
		}
		tr := newTrack(t)
		s := scene{width: width, height: height, grey: grey, heads: []head{{x: x, y: y, eyes: eyes, angle: angle}}}
		for i := range 4 {
			tr.show(i*200, s.draw())
			s.heads[0].x += eyes / 10
		}
		for _, u := range tr.units {
			for _, v := range values(t, u) {
				require.False(t, math.IsNaN(float64(v)))
			}
		}
	})
}
