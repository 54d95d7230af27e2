package report

import "math"

// turn is where the sentiment of a person changes for good.
type turn struct {
	x    float64 // seconds: where the curve passes the middle between two extremes
	y    float64 // the score there
	size float64 // from extreme to extreme
	from float64 // the extreme before
	to   float64 // and after
}

const (
	// reversal is how far the score must come back from an extreme for a turn: a
	// fifth of the scale. Less is within the error of a window.
	reversal = 0.4
	// detail is how many different moments a page tells apart: the longer the
	// call, the longer the mean over which its turns are looked for.
	detail = 100
)

// turns finds the changes of direction in the scores of one person, in order.
func (t timeline) turns(runs []run) []turn {
	var p []point
	for _, r := range runs {
		for _, s := range r {
			p = append(p, point{s.x, float64(s.Score)})
		}
	}
	if len(p) == 0 {
		return nil
	}
	return zigzag(smooth(p, max(t.far(), t.seconds/detail)/2), reversal, t.far())
}

// zigzag finds the turns between extremes that are at least so far apart. far is
// the distance between two points with a gap between them.
func zigzag(p []point, reversal, far float64) []turn {
	var extremes []int
	low, high := 0, 0
	rising := 0 // 1, -1, or 0 while unknown
	for i := range p {
		if p[i].y > p[high].y {
			high = i
		}
		if p[i].y < p[low].y {
			low = i
		}
		switch {
		case rising >= 0 && p[high].y-p[i].y >= reversal:
			extremes, rising, low = append(extremes, high), -1, i
		case rising <= 0 && p[i].y-p[low].y >= reversal:
			extremes, rising, high = append(extremes, low), 1, i
		}
	}
	if rising > 0 {
		extremes = append(extremes, high)
	} else {
		extremes = append(extremes, low)
	}
	var found []turn
	for i := 1; i < len(extremes); i++ {
		found = append(found, between(p[extremes[i-1]:extremes[i]+1], far))
	}
	return found
}

// between returns the turn from the first to the last of some points. One that
// came while there was nothing to score shows when there is again.
func between(p []point, far float64) turn {
	from, to := p[0].y, p[len(p)-1].y
	t := turn{y: (from + to) / 2, size: math.Abs(to - from), from: from, to: to, x: p[0].x}
	for i := 1; i < len(p); i++ {
		if a, b := p[i-1].y-t.y, p[i].y-t.y; a*b <= 0 && a != b {
			t.x = p[i-1].x + (p[i].x-p[i-1].x)*a/(a-b)
			if p[i].x-p[i-1].x > far {
				t.x, t.y = p[i].x, p[i].y
			}
			break
		}
	}
	return t
}

// smooth returns the running mean over the points up to so many seconds away.
func smooth(p []point, reach float64) []point {
	out := make([]point, len(p))
	from, to, sum := 0, 0, 0.0
	for i := range p {
		for to < len(p) && p[to].x-p[i].x <= reach {
			sum += p[to].y
			to++
		}
		for p[i].x-p[from].x > reach {
			sum -= p[from].y
			from++
		}
		out[i] = point{p[i].x, sum / float64(to-from)}
	}
	return out
}
