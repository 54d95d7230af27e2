package video

import (
	"math"

	"github.com/valence-live/valence/ingest"
)

// maxTaps bounds how many places a side are averaged for one pixel of a crop.
const maxTaps = 4

// smooth is how many taps a side are still interpolated; with more of them each
// is about one pixel of the picture, and the nearest one does.
const smooth = 2

// cropFrame writes the luma of frame f, in 0..255, into the n x n pixels of dst.
// Beyond the picture its edge is repeated. A frame that is exactly n pixels wide
// and upright is copied unchanged.
func cropFrame(dst []float32, n int, p *ingest.Picture, f frame) {
	size := f.side / float64(n) // of a pixel of dst, in pixels of p
	taps := min(max(int(math.Ceil(size)), 1), maxTaps)
	right := f.offset(size/float64(taps), 0)
	down := f.offset(0, size/float64(taps))
	sample := nearest
	if taps <= smooth {
		sample = bilinear
	}
	// The first tap; pixel i covers [i, i+1), so its centre is at i + .5.
	middle := float64(n*taps-1) / 2
	first := point{
		f.centre.x - 0.5 - middle*(right.x+down.x),
		f.centre.y - 0.5 - middle*(right.y+down.y),
	}
	l := lumaOf(p)
	share := 1 / float32(taps*taps)
	for j := range n {
		for i := range n {
			var sum float32
			for b := range taps {
				u, v := float64(i*taps), float64(j*taps+b)
				sum += sample(p, point{first.x + u*right.x + v*down.x, first.y + u*right.y + v*down.y}, right, taps)
			}
			dst[j*n+i] = l.level(sum * share)
		}
	}
}

// nearest adds up the luma of p at so many places from `at` on, where the centre
// of the first pixel is (0, 0).
func nearest(p *ingest.Picture, at, step point, taps int) float32 {
	right, bottom := float64(p.Width)-0.75, float64(p.Height)-0.75
	sum := 0
	for range taps {
		x, y := max(0, min(at.x+0.5, right)), max(0, min(at.y+0.5, bottom))
		sum += int(p.Y[int(y)*p.YStride+int(x)])
		at.x += step.x
		at.y += step.y
	}
	return float32(sum)
}

// bilinear is nearest with each place between its four pixels.
func bilinear(p *ingest.Picture, at, step point, taps int) float32 {
	var sum float32
	for range taps {
		x, y := max(0, min(at.x, float64(p.Width-1))), max(0, min(at.y, float64(p.Height-1)))
		left, top := int(x), int(y)
		fx, fy := float32(x-float64(left)), float32(y-float64(top))
		i := top*p.YStride + left
		right, down := min(1, p.Width-1-left), min(1, p.Height-1-top)*p.YStride
		a, b := float32(p.Y[i]), float32(p.Y[i+right])
		c, d := float32(p.Y[i+down]), float32(p.Y[i+down+right])
		a += fx * (b - a)
		c += fx * (d - c)
		sum += a + fy*(c-a)
		at.x += step.x
		at.y += step.y
	}
	return sum
}

// axis says, for one direction, which source pixels make each of the viewSide
// pixels of a view, and with which weights. A pixel outside has none.
type axis struct {
	first   [viewSide]int
	weights [viewSide][]float32
	buffer  []float32
}

// plan prepares the axis for a view of `length` source pixels that begins at
// `from`, in a plane of `size` pixels. Where the view is smaller than the plane
// each pixel is the mean of what it covers, else it lies between its two
// neighbours.
func (a *axis) plan(from, length float64, size int) {
	a.buffer = a.buffer[:0]
	step := length / viewSide
	for i := range viewSide {
		low := from + float64(i)*step
		a.first[i], a.weights[i] = 0, nil
		if centre := low + step/2; centre < 0 || centre >= float64(size) {
			continue
		}
		half := max(step, 1) / 2 // a source pixel is never cut thinner than itself
		begin, end := low+step/2-half, low+step/2+half
		first := max(0, int(math.Floor(begin)))
		last := min(size, int(math.Ceil(end)))
		start := len(a.buffer)
		var sum float32
		for k := first; k < last; k++ {
			w := float32(min(end, float64(k+1)) - max(begin, float64(k)))
			a.buffer = append(a.buffer, w)
			sum += w
		}
		weights := a.buffer[start:]
		for k := range weights {
			weights[k] /= sum
		}
		a.first[i], a.weights[i] = first, weights
	}
}

// resampler scales square pieces of planes to viewSide x viewSide pixels.
type resampler struct {
	across, down axis
	line         []float32
}

// scale writes the piece s of a plane of the given size into dst. Pixels
// outside of the plane are left alone.
func (r *resampler) scale(dst []float32, plane []byte, stride, width, height int, s square) {
	r.across.plan(s.x, s.side, width)
	r.down.plan(s.y, s.side, height)
	from, to := r.across.span()
	if cap(r.line) < width {
		r.line = make([]float32, width)
	}
	line := r.line[:width]
	for j, weights := range &r.down.weights {
		if len(weights) == 0 {
			continue
		}
		clear(line[from:to])
		for k, w := range weights {
			row := plane[(r.down.first[j]+k)*stride:]
			sum := line[from:to]
			for i, v := range row[from:to] {
				sum[i] += w * float32(v)
			}
		}
		out := dst[j*viewSide : (j+1)*viewSide]
		for i, across := range &r.across.weights {
			var sum float32
			for k, v := range line[r.across.first[i] : r.across.first[i]+len(across)] {
				sum += across[k] * v
			}
			if len(across) > 0 {
				out[i] = sum
			}
		}
	}
}

// span is the range of source pixels that take part.
func (a *axis) span() (from, to int) {
	from = math.MaxInt
	for i, w := range &a.weights {
		if len(w) > 0 {
			from = min(from, a.first[i])
			to = max(to, a.first[i]+len(w))
		}
	}
	return min(from, to), to
}
