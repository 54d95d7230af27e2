package video_test

import (
	"math"

	"github.com/valence-live/valence/ingest"
)

// scene is a picture of a drawn head in front of a textured wall. Its left eye
// is red and its right eye blue, which is how seeingEyes finds it.
type scene struct {
	width, height int
	grey          bool
	heads         []head
	light         float64 // added to the luma
}

// head is drawn eyes*2.4 wide about its centre, turned clockwise by angle.
type head struct {
	x, y, eyes, angle float64 // centre; distance of the eyes
}

func (s scene) draw() *ingest.Picture {
	cw, ch := (s.width+1)/2, (s.height+1)/2
	p := &ingest.Picture{
		Width: s.width, Height: s.height, FullRange: true,
		Y: make([]byte, s.width*s.height), YStride: s.width,
		Cb: make([]byte, cw*ch), Cr: make([]byte, cw*ch), CStride: cw,
	}
	for y := range s.height {
		for x := range s.width {
			l, _, _ := s.at(float64(x)+0.5, float64(y)+0.5)
			p.Y[y*s.width+x] = byte(max(0, min(l+s.light, 255)))
		}
	}
	for y := range ch {
		for x := range cw {
			_, cb, cr := s.at(float64(2*x)+1, float64(2*y)+1)
			p.Cb[y*cw+x], p.Cr[y*cw+x] = byte(cb), byte(cr)
		}
	}
	if s.grey {
		p.Cb, p.Cr = nil, nil
	}
	return p
}

func (s scene) at(x, y float64) (luma, cb, cr float64) {
	luma, cb, cr = 70+25*math.Sin(x/11)*math.Cos(y/7), 128, 128
	for _, h := range s.heads {
		sin, cos := math.Sincos(h.angle)
		u := (cos*(x-h.x) + sin*(y-h.y)) / h.eyes // in eye distances, upright
		v := (-sin*(x-h.x) + cos*(y-h.y)) / h.eyes
		if u*u/1.44+v*v/2.25 > 1 {
			continue
		}
		luma = 150 + 30*math.Sin(5*u) + 20*math.Cos(7*v)
		switch {
		case math.Hypot(u+0.5, v+0.6) < 0.25:
			luma, cr = 60, 240
		case math.Hypot(u-0.5, v+0.6) < 0.25:
			luma, cb = 60, 240
		case math.Hypot(u/2, v-0.6) < 0.2:
			luma = 40
		}
	}
	return luma, cb, cr
}

func blackPicture(width, height int) *ingest.Picture {
	p := scene{width: width, height: height}.draw()
	for i := range p.Y {
		p.Y[i] = byte(i % 5)
	}
	return p
}
