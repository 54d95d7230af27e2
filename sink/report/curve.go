package report

import (
	"math"
	"strconv"
)

// point is one place of a curve: x in seconds since the start of the call, y in
// the curve's own unit.
type point struct{ x, y float64 }

// pen draws the paths of a page: fine and smooth where the eye can see it,
// coarse where a point is less than a pixel.
type pen struct{ coarse bool }

const (
	// smoothUpTo is how many windows a call may have and still be drawn fine:
	// beyond, a window is some pixels at most.
	smoothUpTo = 600
	// tolerance is how far, in the units of a drawing 200 high, a coarse curve
	// may be from its points: half of the width of its line.
	tolerance = 1
)

// curve appends a curve through the points, in their order. With join it goes
// on from where the path is, else it begins anew.
func (n pen) curve(path []byte, points []point, join bool) []byte {
	if n.coarse || len(points) < 3 {
		return n.lines(path, points, join)
	}
	path = n.to(path, command(join), points[0])
	slopes := monotone(points)
	for i, p := range points[1:] {
		before := points[i]
		third := (p.x - before.x) / 3
		path = n.to(path, 'C', point{before.x + third, before.y + third*slopes[i]})
		path = n.to(path, ' ', point{p.x - third, p.y - third*slopes[i+1]})
		path = n.to(path, ' ', p)
	}
	return path
}

// lines appends straight lines through the points.
func (n pen) lines(path []byte, points []point, join bool) []byte {
	if n.coarse {
		points = simplify(points)
	}
	for i, p := range points {
		path = n.to(path, command(join || i > 0), p)
	}
	return path
}

func command(join bool) byte {
	if join {
		return 'L'
	}
	return 'M'
}

// to appends a command with its place.
func (n pen) to(path []byte, command byte, p point) []byte {
	dx, dy := 2, 1
	if n.coarse {
		dx, dy = 1, 0
	}
	path = append(path, command)
	path = appendNumber(path, p.x, dx)
	path = append(path, ' ')
	return appendNumber(path, p.y, dy)
}

// appendNumber writes x with at most so many decimals and no needless zeros.
func appendNumber(b []byte, x float64, decimals int) []byte {
	unit := math.Pow10(decimals)
	return strconv.AppendFloat(b, math.Round(x*unit)/unit+0, 'f', -1, 64)
}

// monotone returns the slope at each point of the cubic that never overshoots
// (Fritsch and Carlson 1980, in the form of Steffen 1990): a curve must not show
// an extreme that nobody measured.
func monotone(p []point) []float64 {
	n := len(p)
	secant := make([]float64, n-1)
	for i := range secant {
		secant[i] = (p[i+1].y - p[i].y) / (p[i+1].x - p[i].x)
	}
	slope := make([]float64, n)
	slope[0], slope[n-1] = secant[0], secant[n-2]
	for i := 1; i < n-1; i++ {
		before, after := secant[i-1], secant[i]
		if before*after <= 0 {
			continue
		}
		h, k := p[i].x-p[i-1].x, p[i+1].x-p[i].x
		mean := (before*k + after*h) / (h + k)
		limit := 2 * min(math.Abs(before), math.Abs(after))
		slope[i] = math.Copysign(min(math.Abs(mean), limit), before)
	}
	return slope
}

// simplify leaves out the points that lie on the line between those that it
// keeps, within tolerance (Ramer, Douglas and Peucker, with vertical distances).
func simplify(p []point) []point {
	if len(p) < 3 {
		return p
	}
	keep := make([]bool, len(p))
	keep[0], keep[len(p)-1] = true, true
	open := [][2]int{{0, len(p) - 1}}
	for len(open) > 0 {
		a, b := open[len(open)-1][0], open[len(open)-1][1]
		open = open[:len(open)-1]
		worst, at := float64(tolerance), -1
		for i := a + 1; i < b; i++ {
			line := p[a].y + (p[b].y-p[a].y)*(p[i].x-p[a].x)/(p[b].x-p[a].x)
			if off := math.Abs(p[i].y - line); off > worst {
				worst, at = off, i
			}
		}
		if at > 0 {
			keep[at] = true
			open = append(open, [2]int{a, at}, [2]int{at, b})
		}
	}
	kept := make([]point, 0, len(p))
	for i, k := range keep {
		if k {
			kept = append(kept, p[i])
		}
	}
	return kept
}
