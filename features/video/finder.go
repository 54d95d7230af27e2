package video

import (
	"cmp"
	"math"
	"slices"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

const (
	// acquire is the score from which a detection is a face: pictures without
	// one reach .71 to .80.
	acquire = 0.75
	// keep is the score from which a face that was there is still there.
	keep = 0.5
	// sameOverlap is how much a face that was there still overlaps with itself.
	sameOverlap = 0.2

	// lookEvery is how many steps lie between two looks at a face that is
	// followed: one second.
	lookEvery = 5
	// searchEvery is how many steps lie between two looks for a face.
	searchEvery = 2
	// candidates bounds how many faces of one picture are looked at closely.
	candidates = 3

	// middle is the share of the long side that every second search looks at: the
	// detector does not see faces below .13 of its view.
	middle = 9.0 / 16
)

// finder finds one face and follows it through the pictures of a track.
//
// It searches the whole picture and its middle in turn, and takes the largest
// face that a second look from close by confirms and places. From then on the
// face is followed by its pixels, at a tenth of the cost of a look. It is looked
// at from close by once a second and whenever the pixels are no longer alike;
// the detector has the last word on whether it is still there.
type finder struct {
	looker looker

	tracked  bool
	face     face
	due      int64 // the step from which the next look is due
	searches int   // that found nothing, one after the other

	window [windowSide * windowSide]float32
	crop   [CropSide * CropSide]float32 // of the newest picture with a face
}

func newFinder(d features.FaceDetector) *finder {
	f := &finder{looker: looker{detector: d}}
	f.forget()
	return f
}

// forget gives up the face; the next picture is searched.
func (f *finder) forget() { f.tracked, f.due, f.searches = false, math.MinInt64, 0 }

// share returns how wide the face is that is followed, as a share of the width of
// the picture; 0 if there is none.
func (f *finder) share(p *ingest.Picture) float32 {
	if !f.tracked {
		return 0
	}
	return float32(f.face.width / float64(p.Width))
}

// find returns the upright crop of the face in the picture of a step, nil if
// there is none. It is valid until the next call.
func (f *finder) find(p *ingest.Picture, step int64) ([]float32, error) {
	if f.tracked {
		if f.follow(p) && step < f.due {
			return f.crop[:], nil
		}
		if err := f.confirm(p, step, f.face, keep); err != nil {
			return nil, err
		}
	}
	if !f.tracked && step >= f.due {
		if err := f.search(p, step); err != nil {
			return nil, err
		}
	}
	if !f.tracked {
		return nil, nil
	}
	f.surroundings(p)
	f.cut(0, 0)
	return f.crop[:], nil
}

// follow moves the face to where its pixels are now and reports whether they
// are anywhere near.
func (f *finder) follow(p *ingest.Picture) bool {
	f.surroundings(p)
	dx, dy, ok := match(&f.crop, &f.window)
	if !ok {
		return false
	}
	frame := f.face.crop()
	pixel := frame.side / CropSide
	f.face = f.face.moved(frame.offset(float64(dx)*pixel, float64(dy)*pixel))
	f.cut(dx, dy)
	return true
}

// search looks for a face anywhere.
func (f *finder) search(p *ingest.Picture, step int64) error {
	side := float64(max(p.Width, p.Height))
	if f.searches%2 == 1 {
		side *= middle
	}
	view := square{(float64(p.Width) - side) / 2, (float64(p.Height) - side) / 2, side}
	found, err := f.looker.look(p, view, acquire)
	if err != nil {
		return err
	}
	slices.SortStableFunc(found, func(a, b face) int { return cmp.Compare(b.width*b.height, a.width*a.height) })
	var largest [candidates]face
	for _, expected := range largest[:copy(largest[:], found)] {
		if err := f.confirm(p, step, expected, acquire); err != nil || f.tracked {
			return err
		}
	}
	f.due = step + searchEvery
	f.searches++
	return nil
}

// confirm looks at a face from close by. If it is there with at least the given
// score it is the one to follow, otherwise none is.
func (f *finder) confirm(p *ingest.Picture, step int64, expected face, least float64) error {
	f.tracked, f.due = false, math.MinInt64
	found, err := f.looker.look(p, expected.around(), least)
	if err != nil {
		return err
	}
	best := sameOverlap
	for i := range found {
		if o := expected.overlap(&found[i]); o > best {
			best, f.face = o, found[i]
			f.tracked, f.due = true, step+lookEvery
		}
	}
	return nil
}

// surroundings samples the face as it was last placed, and what is around it.
func (f *finder) surroundings(p *ingest.Picture) {
	frame := f.face.crop()
	frame.side *= float64(windowSide) / CropSide
	cropFrame(f.window[:], windowSide, p, frame)
}

// cut takes the crop from the surroundings, so many pixels from the middle.
func (f *finder) cut(dx, dy int) {
	for y := range CropSide {
		from := (y+reach+dy)*windowSide + reach + dx
		copy(f.crop[y*CropSide:(y+1)*CropSide], f.window[from:from+CropSide])
	}
}
