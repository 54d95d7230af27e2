package video

import (
	"fmt"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// looker runs the detector on square pieces of pictures. Its buffers are used
// anew for each look.
type looker struct {
	detector features.FaceDetector
	anchors  []point

	resampler resampler
	y, cb, cr [viewSide * viewSide]float32
	rgb       [viewSide * viewSide * 3]float32
	boxes     [anchorCount * anchorValues]float32
	logits    [anchorCount]float32
	faces     []face
}

// look returns the faces in s of at least the given score, one entry for each,
// best first, in coordinates of the picture. The slice is valid until the next
// look.
func (l *looker) look(p *ingest.Picture, s square, least float64) ([]face, error) {
	if l.anchors == nil {
		l.anchors = anchors()
	}
	l.view(p, s)
	if err := l.detector.DetectFaces(l.rgb[:], l.boxes[:], l.logits[:]); err != nil {
		return nil, fmt.Errorf("detect: %w", err)
	}
	l.faces = suppress(decode(l.faces[:0], l.anchors, l.boxes[:], l.logits[:], least))
	for i, f := range l.faces {
		l.faces[i] = s.place(f)
	}
	return l.faces, nil
}

// view fills rgb with the piece s of the picture, in [-1, 1]; beyond the picture
// it is black.
func (l *looker) view(p *ingest.Picture, s square) {
	scale := lumaOf(p)
	for i := range l.y {
		l.y[i] = scale.offset
	}
	l.resampler.scale(l.y[:], p.Y, p.YStride, p.Width, p.Height, s)
	if p.Cb == nil {
		for i, y := range l.y {
			v := signed((y - scale.offset) * scale.gain)
			l.rgb[3*i], l.rgb[3*i+1], l.rgb[3*i+2] = v, v, v
		}
		return
	}
	for i := range l.cb {
		l.cb[i], l.cr[i] = 128, 128
	}
	half := square{s.x / 2, s.y / 2, s.side / 2}
	l.resampler.scale(l.cb[:], p.Cb, p.CStride, (p.Width+1)/2, (p.Height+1)/2, half)
	l.resampler.scale(l.cr[:], p.Cr, p.CStride, (p.Width+1)/2, (p.Height+1)/2, half)
	// BT.601: chroma has a range of 224 where luma has 219.
	gain := float32(1)
	if !p.FullRange {
		gain = 255.0 / 224
	}
	for i, y := range l.y {
		v := (y - scale.offset) * scale.gain
		cb, cr := gain*(l.cb[i]-128), gain*(l.cr[i]-128)
		l.rgb[3*i] = signed(v + 1.402*cr)
		l.rgb[3*i+1] = signed(v - 0.344136*cb - 0.714136*cr)
		l.rgb[3*i+2] = signed(v + 1.772*cb)
	}
}

// signed brings 0..255 to [-1, 1].
func signed(v float32) float32 { return max(0, min(v, 255))/127.5 - 1 }
