package still

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestColourPicturesKeepTheirColour(t *testing.T) {
	img := image.NewRGBA(image.Rect(3, 5, 10, 10)) // odd sides, not at the origin
	for y := 5; y < 10; y++ {
		for x := 3; x < 10; x++ {
			img.Set(x, y, color.RGBA{200, 30, 30, 255})
		}
	}
	p := convert(img)
	want, ok := color.YCbCrModel.Convert(color.RGBA{200, 30, 30, 255}).(color.YCbCr)
	require.True(t, ok)
	assert.Equal(t, 7, p.Width)
	assert.Len(t, p.Cb, 4*3)
	assert.True(t, p.FullRange)
	for _, v := range p.Y {
		assert.Equal(t, want.Y, v)
	}
	for i := range p.Cb {
		assert.Equal(t, want.Cb, p.Cb[i])
		assert.Equal(t, want.Cr, p.Cr[i])
	}
}

func FuzzDecode(f *testing.F) {
	var b bytes.Buffer
	require.NoError(f, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 9, 7)), nil))
	f.Add(b.Bytes())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(data)
		if err != nil {
			require.ErrorIs(t, err, ErrPicture)
			return
		}
		assert.Len(t, p.Y, p.Width*p.Height)
	})
}
