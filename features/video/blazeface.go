package video

import (
	"cmp"
	"math"
	"slices"
)

// BlazeFace (Bazarevsky et al. 2019, arXiv:1907.05047), front camera, as
// MediaPipe decodes it: 896 anchors, two for each cell of a 16x16 grid, then six
// for each of an 8x8 grid. The net gives, relative to the centre of the anchor
// and in pixels of its input, the centre and size of a box and six points.
const (
	viewSide     = 128
	anchorCount  = 16*16*2 + 8*8*6
	anchorValues = 4 + 2*landmarks

	// sameFace is the overlap from which two boxes are of one face.
	sameFace = 0.3
)

// anchors are the centres of the anchors in the unit square.
func anchors() []point {
	centres := make([]point, 0, anchorCount)
	for _, layer := range []struct{ cells, each int }{{16, 2}, {8, 6}} {
		for y := range layer.cells {
			for x := range layer.cells {
				n := float64(layer.cells)
				for range layer.each {
					centres = append(centres, point{(float64(x) + 0.5) / n, (float64(y) + 0.5) / n})
				}
			}
		}
	}
	return centres
}

// decode appends to faces, in order of falling score, those of at least the
// given score, in coordinates of the unit square. A box that is smaller than a
// pixel or not near the view is no face.
func decode(faces []face, centres []point, boxes, logits []float32, least float64) []face {
	first := len(faces)
	leastLogit := float32(math.Log(least / (1 - least)))
	for i, centre := range centres {
		if !(logits[i] >= leastLogit) { // also NaN
			continue
		}
		raw := boxes[i*anchorValues : (i+1)*anchorValues]
		if !slices.ContainsFunc(raw, absurd) && raw[2] >= 1 && raw[3] >= 1 {
			faces = append(faces, decodeOne(centre, raw, logits[i]))
		}
	}
	slices.SortStableFunc(faces[first:], func(a, b face) int { return cmp.Compare(b.score, a.score) })
	return faces
}

// absurd reports a coordinate that no face in or near the view can have.
func absurd(v float32) bool { return !(v > -4*viewSide && v < 4*viewSide) }

func decodeOne(anchor point, raw []float32, logit float32) face {
	at := func(i int) point {
		return point{anchor.x + float64(raw[i])/viewSide, anchor.y + float64(raw[i+1])/viewSide}
	}
	f := face{
		score:  1 / (1 + math.Exp(-float64(logit))),
		centre: at(0),
		width:  float64(raw[2]) / viewSide,
		height: float64(raw[3]) / viewSide,
	}
	for k := range f.points {
		f.points[k] = at(4 + 2*k)
	}
	return f
}

// suppress merges the boxes of each face into one, in place: the mean of all
// that overlap with the best one, weighted by score (the paper's blending, which
// trembles less than the best box alone). faces must be in order of falling
// score.
func suppress(faces []face) []face {
	merged := 0
	for len(faces) > merged {
		best := faces[merged]
		rest := faces[merged:]
		kept := 0
		var sum face
		for i, f := range rest {
			if i == 0 || best.overlap(&f) > sameFace {
				sum.add(&f, f.score)
				sum.score += f.score
			} else {
				rest[kept] = f
				kept++
			}
		}
		var mean face
		mean.add(&sum, 1/sum.score)
		mean.score = best.score
		faces = slices.Insert(faces[:merged+kept], merged, mean)
		merged++
	}
	return faces
}

// add adds the place and size of g, times weight, to f.
func (f *face) add(g *face, weight float64) {
	f.centre.x += weight * g.centre.x
	f.centre.y += weight * g.centre.y
	f.width += weight * g.width
	f.height += weight * g.height
	for i, p := range g.points {
		f.points[i].x += weight * p.x
		f.points[i].y += weight * p.y
	}
}
