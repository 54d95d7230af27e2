// Package still reads single pictures: JPEG and PNG, as files and records bring
// them.
package still

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // what pictures may be
	_ "image/png"

	"github.com/valence-live/valence/ingest"
)

// maxPixels bounds what a small file can make us allocate.
const maxPixels = 1 << 26

// ErrPicture says that something is not a picture that can be read.
var ErrPicture = errors.New("not a readable picture")

// Decode reads a JPEG or PNG picture. The error wraps ErrPicture.
func Decode(data []byte) (*ingest.Picture, error) {
	size, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPicture, err)
	}
	if size.Width < 1 || size.Height < 1 || size.Width > maxPixels/size.Height {
		return nil, fmt.Errorf("%w: it has %dx%d pixels, at most %d are read", ErrPicture, size.Width, size.Height, maxPixels)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPicture, err)
	}
	return convert(img), nil
}

// convert makes a full-range picture of an image, as JFIF defines it.
func convert(img image.Image) *ingest.Picture {
	size := img.Bounds().Size()
	p := &ingest.Picture{Width: size.X, Height: size.Y, YStride: size.X, FullRange: true, Y: make([]byte, size.X*size.Y)}
	if grey, ok := img.(*image.Gray); ok {
		for y := range size.Y {
			copy(p.Y[y*size.X:(y+1)*size.X], grey.Pix[y*grey.Stride:])
		}
		return p
	}
	p.CStride = (size.X + 1) / 2
	rows := (size.Y + 1) / 2
	p.Cb, p.Cr = make([]byte, p.CStride*rows), make([]byte, p.CStride*rows)
	for y := 0; y < size.Y; y += 2 {
		for x := 0; x < size.X; x += 2 {
			var cb, cr, n int
			for dy := range min(2, size.Y-y) {
				for dx := range min(2, size.X-x) {
					at := img.Bounds().Min.Add(image.Pt(x+dx, y+dy))
					c := color.YCbCrModel.Convert(img.At(at.X, at.Y)).(color.YCbCr)
					p.Y[(y+dy)*p.YStride+x+dx] = c.Y
					cb, cr, n = cb+int(c.Cb), cr+int(c.Cr), n+1
				}
			}
			i := y/2*p.CStride + x/2
			p.Cb[i], p.Cr[i] = byte((cb+n/2)/n), byte((cr+n/2)/n) //nolint:gosec // means of bytes
		}
	}
	return p
}
