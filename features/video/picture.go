package video

import (
	"fmt"

	"github.com/valence-live/valence/ingest"
)

// maxSide bounds pictures: beyond it sizes come from broken headers.
const maxSide = 1 << 14

// blackLevel is the brightest that a pixel of a black picture may be, of 255:
// compression leaves a little light.
const blackLevel = 20

// grid is how many pixels a side are looked at to call a picture black.
const grid = 32

// luma is the scale that brings the luma of a picture to 0..255.
type luma struct{ offset, gain float32 }

func lumaOf(p *ingest.Picture) luma {
	if p.FullRange {
		return luma{offset: 0, gain: 1}
	}
	return luma{offset: 16, gain: 255.0 / 219}
}

func (l luma) level(y float32) float32 { return max(0, min((y-l.offset)*l.gain, 255)) }

// check returns ErrPicture unless every pixel that the size promises is there.
func check(p *ingest.Picture) error {
	if p.Width < 1 || p.Height < 1 || p.Width > maxSide || p.Height > maxSide {
		return fmt.Errorf("%w: size %dx%d", ErrPicture, p.Width, p.Height)
	}
	if !holds(p.Y, p.YStride, p.Width, p.Height) {
		return fmt.Errorf("%w: %d bytes of luma, stride %d, for %dx%d", ErrPicture, len(p.Y), p.YStride, p.Width, p.Height)
	}
	if p.Cb == nil && p.Cr == nil {
		return nil
	}
	if w, h := (p.Width+1)/2, (p.Height+1)/2; !holds(p.Cb, p.CStride, w, h) || !holds(p.Cr, p.CStride, w, h) {
		return fmt.Errorf("%w: %d and %d bytes of chroma, stride %d, for %dx%d",
			ErrPicture, len(p.Cb), len(p.Cr), p.CStride, p.Width, p.Height)
	}
	return nil
}

func holds(plane []byte, stride, width, height int) bool {
	return stride >= width && stride <= len(plane) && len(plane) >= (height-1)*stride+width
}

// black reports whether the picture is of a camera that is muted or covered.
func black(p *ingest.Picture) bool {
	l := lumaOf(p)
	for j := range grid {
		row := p.Y[(2*j+1)*p.Height/(2*grid)*p.YStride:]
		for i := range grid {
			if l.level(float32(row[(2*i+1)*p.Width/(2*grid)])) > blackLevel {
				return false
			}
		}
	}
	return true
}
