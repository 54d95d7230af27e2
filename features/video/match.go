package video

const (
	// reach is how far, in pixels of a crop, a face may move between two
	// pictures and still be followed without looking for it: a sixth of its width
	// in 200 ms.
	reach = 8

	// windowSide is the side of what is searched for the crop of the picture
	// before.
	windowSide = CropSide + 2*reach

	// stride is the distance of the pixels that are compared.
	stride = 3

	// unlike is how much of the variance may be left unexplained: 0 is the same
	// picture, 1 an unrelated one.
	unlike = 0.35
)

// match finds where in window (64x64) the crop of the picture before (48x48)
// lies now, as the offset of its upper left corner from where it was. It reports
// false where nothing is like it, or the best place is at the border.
//
// The measure is the sum of squared differences, each side less its mean, so
// that a change of light is no change of place.
func match(crop *[CropSide * CropSide]float32, window *[windowSide * windowSide]float32) (dx, dy int, ok bool) {
	best := float32(-1)
	for y := range 2*reach + 1 {
		for x := range 2*reach + 1 {
			if d := difference(crop, window, x, y); best < 0 || d < best {
				best, dx, dy = d, x-reach, y-reach
			}
		}
	}
	inside := max(dx, -dx, dy, -dy) < reach
	spread := variance(crop[:], CropSide, 0, 0) + variance(window[:], windowSide, dx+reach, dy+reach)
	return dx, dy, inside && best < unlike*spread
}

// difference is the variance, times the number of pixels, of crop less window
// at (x, y).
func difference(crop *[CropSide * CropSide]float32, window *[windowSide * windowSide]float32, x, y int) float32 {
	var sum, squares float32
	for j := 0; j < CropSide; j += stride {
		a := crop[j*CropSide : (j+1)*CropSide]
		b := window[(y+j)*windowSide+x:]
		b = b[:len(a)]
		for i := 0; i < len(a); i += stride {
			d := a[i] - b[i]
			sum += d
			squares += d * d
		}
	}
	const n = (CropSide / stride) * (CropSide / stride)
	return squares - sum*sum/n
}

// variance is that of the compared pixels of a crop-sized piece, times their
// number.
func variance(pixels []float32, side, x, y int) float32 {
	var sum, squares float32
	for j := 0; j < CropSide; j += stride {
		row := pixels[(y+j)*side+x:][:CropSide]
		for i := 0; i < len(row); i += stride {
			sum += row[i]
			squares += row[i] * row[i]
		}
	}
	const n = (CropSide / stride) * (CropSide / stride)
	return squares - sum*sum/n
}
