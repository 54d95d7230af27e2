package rtpclock

import "math"

const (
	// pointsKept is how many reports a line goes through: 16 are a minute of
	// Chrome's, long enough to tell 10 ppm, short enough to follow a quartz that
	// warms up.
	pointsKept = 16
	// oldest is how old a point may be.
	oldest = 120 * second
	// apart is how far points are apart at least; reports that come closer only
	// serve to find steps.
	apart = second / 2

	// noise is the deviation of a report that is assumed until the reports tell,
	// with the weight of noiseWeight reports. Senders take the time of a report
	// in whole milliseconds, and audio devices deliver in blocks.
	noise       = 1.5 * float64(millisecond)
	noiseWeight = 2
	// drift is the deviation, from its nominal value, of the rate of an RTP
	// clock against the sender's NTP clock; four of them are assumed to hold any.
	drift = 250e-6
	// deviations is how many standard deviations are taken for the largest error.
	deviations = 4
	// rounding is the error that no number of reports takes away: clock ticks and
	// time stamps in whole milliseconds.
	rounding = millisecond
)

// line is the mapping of one track from media time x to sender time x + y: a
// line through reports, by least squares. The prior knowledge that quartzes are
// good to some hundred ppm makes a line of one report (ridge regression).
type line struct {
	points [pointsKept]point // the oldest first
	n      int

	x0, y0   int64   // the first point: the numbers below count from it
	x, y     float64 // centre
	slope    float64
	levelVar float64 // variance of y at the centre, ns^2
	slopeVar float64
}

type point struct{ x, y int64 }

func (l *line) known() bool { return l.n > 0 }

// at returns y at x.
func (l *line) at(x int64) int64 {
	return l.y0 + int64(math.Round(l.y+l.slope*(float64(x-l.x0)-l.x)))
}

// doubt returns the largest error of at: what the reports scatter, and how much
// longer ago the newest one is than the line is long.
func (l *line) doubt(x int64) int64 {
	d := float64(x-l.x0) - l.x
	return rounding + int64(deviations*math.Sqrt(l.levelVar+d*d*l.slopeVar))
}

// add takes in a report: at the media time x the sender's clock showed x + y.
func (l *line) add(x, y int64) {
	if l.n > 0 && x-l.points[l.n-1].x < apart {
		return
	}
	drop := 0
	for drop < l.n && (l.n-drop == pointsKept || x-l.points[drop].x > oldest) {
		drop++
	}
	l.n = copy(l.points[:], l.points[drop:l.n])
	l.points[l.n] = point{x, y}
	l.n++
	l.fit()
}

func (l *line) fit() {
	l.x0, l.y0 = l.points[0].x, l.points[0].y
	l.x, l.y = 0, 0
	n := float64(l.n)
	for _, p := range l.points[:l.n] {
		l.x += float64(p.x-l.x0) / n
		l.y += float64(p.y-l.y0) / n
	}
	var xx, xy float64
	for _, p := range l.points[:l.n] {
		dx := float64(p.x-l.x0) - l.x
		xx += dx * dx
		xy += dx * (float64(p.y-l.y0) - l.y)
	}
	variance := noise * noise
	for range 2 { // how much the prior counts depends on the scatter, and that on the slope
		l.slope = xy / (xx + variance/(drift*drift))
		residual := noiseWeight * noise * noise
		for _, p := range l.points[:l.n] {
			r := float64(p.y-l.y0) - l.y - l.slope*(float64(p.x-l.x0)-l.x)
			residual += r * r
		}
		variance = residual / (n + noiseWeight)
	}
	l.levelVar = variance / n
	l.slopeVar = variance / (xx + variance/(drift*drift))
}
