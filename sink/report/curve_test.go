package report

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// some draws points with ascending x.
func some(t *rapid.T, least int) []point {
	n := rapid.IntRange(least, 60).Draw(t, "n")
	points := make([]point, n)
	x := 0.0
	for i := range points {
		x += rapid.Float64Range(0.1, 3).Draw(t, "step")
		points[i] = point{x, rapid.Float64Range(0, 200).Draw(t, "y")}
	}
	return points
}

func TestASmoothCurveNeverOvershoots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := some(t, 3)
		slopes := monotone(p)
		for i := range len(p) - 1 {
			third := (p[i+1].x - p[i].x) / 3
			low, high := min(p[i].y, p[i+1].y), max(p[i].y, p[i+1].y)
			// A cubic stays within the hull of its control points; where those
			// leave the range, the curve itself must not.
			a, b := p[i].y+third*slopes[i], p[i+1].y-third*slopes[i+1]
			for u := 0.0; u <= 1; u += 0.05 {
				v := 1 - u
				y := v*v*v*p[i].y + 3*v*v*u*a + 3*v*u*u*b + u*u*u*p[i+1].y
				require.GreaterOrEqual(t, y, low-1e-9)
				require.LessOrEqual(t, y, high+1e-9)
			}
		}
	})
}

func TestASimplifiedCurveStaysWithinTheTolerance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := some(t, 1)
		kept := simplify(p)
		require.Equal(t, p[0], kept[0])
		require.Equal(t, p[len(p)-1], kept[len(kept)-1])
		k := 0
		for _, q := range p {
			for k+2 < len(kept) && kept[k+1].x < q.x {
				k++
			}
			if k+1 == len(kept) {
				continue
			}
			a, b := kept[k], kept[k+1]
			require.LessOrEqual(t, math.Abs(a.y+(b.y-a.y)*(q.x-a.x)/(b.x-a.x)-q.y), tolerance+1e-9)
		}
	})
}

func TestPathsAreShort(t *testing.T) {
	points := []point{{0, 100}, {1, 50.25}, {2, -0.01}}
	assert.Equal(t, "M0 100L1 50.3L2 0", string(pen{}.lines(nil, points, false)))
	assert.Equal(t, "L0 100L2 0", string(pen{coarse: true}.curve(nil, points, true)))
	assert.Equal(t, "M0 100C0.33 83.4 0.67 66.9 1 50.3C1.33 33.6 1.67 16.7 2 0", string(pen{}.curve(nil, points, false)))
	assert.Empty(t, pen{}.curve(nil, nil, false))
}

func TestTurnsLieBetweenExtremes(t *testing.T) {
	const far = 2
	series := func(y ...float64) []point {
		p := make([]point, len(y))
		for i := range y {
			p[i] = point{float64(i), y[i]}
		}
		return p
	}
	for _, test := range []struct {
		name string
		p    []point
		want []string
		at   []float64
	}{
		{"none", series(0.1, 0.3, 0.2, 0.35), nil, nil},
		{"down and up", series(0.5, 0.5, -0.5, -0.5, 0.7), []string{"turns negative", "turns positive"}, []float64{1.5, 3.5}},
		{"settling", series(0.6, 0.6, 0, 0), []string{"settles to neutral"}, []float64{1.5}},
		{"more and less", series(0.3, 0.8, 0.2, -0.2, -0.9, -0.3), []string{"grows more positive", "turns negative", "grows less negative"}, []float64{0.5, 2.6, 4.5}},
		{"noise on a slope", series(-0.4, -0.2, -0.3, 0, -0.1, 0.4), []string{"turns positive"}, []float64{3}},
		{"seen after a gap", []point{{0, 0.5}, {1, 0.5}, {9, -0.5}}, []string{"turns negative"}, []float64{9}},
		{"one point", series(1), nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := zigzag(test.p, reversal, far)
			var words []string
			for i, u := range found {
				words = append(words, u.words())
				require.Less(t, i, len(test.at), "%v", found)
				assert.InDelta(t, test.at[i], u.x, 0.1)
			}
			assert.Equal(t, test.want, words)
		})
	}
}

func TestSmoothingReachesAsFarAsAsked(t *testing.T) {
	p := []point{{0, 0}, {1, 3}, {2, 6}, {10, 1}}
	assert.Equal(t, []point{{0, 1.5}, {1, 3}, {2, 4.5}, {10, 1}}, smooth(p, 1))
}

func TestColoursFollowTheScore(t *testing.T) {
	for score, want := range map[float64]string{-1: "n4", -0.7: "n3", -0.1: "z", 0: "z", 0.12: "p1", 0.6: "p3", 7: "p4"} {
		assert.Equal(t, want, tint(score))
	}
}
