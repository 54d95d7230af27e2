package video

import "math"

// FER2013's faces, measured with BlazeFace: the eyes lie at 40 % of the crop's
// height, .36 of its width apart. On talking heads the eyes are .41 of a
// BlazeFace box apart and a quarter of it above its centre.
const (
	// margin is the side of a crop relative to the side of the box.
	margin = 1.13
	// raise is how far the centre of the crop lies above that of the box,
	// relative to the side of the crop.
	raise = 0.085
)

// point is a place in a picture or a view; y grows downwards.
type point struct{ x, y float64 }

// landmarks is how many points BlazeFace gives for a face: eyes, nose, mouth
// and ears. The eye on the left of the picture comes first.
const landmarks = 6

// face is a detected face.
type face struct {
	score         float64 // 0..1
	centre        point
	width, height float64
	points        [landmarks]point
}

// frame is a square piece of a picture: its centre, side and the angle in
// radians, clockwise, by which it is turned.
type frame struct {
	centre point
	side   float64
	angle  float64
}

// square is an upright square piece of a picture; it may reach beyond it.
type square struct {
	x, y float64 // upper left corner
	side float64
}

// crop is the frame that the face encoder sees, level with the eyes.
func (f *face) crop() frame {
	left, right := f.points[0], f.points[1]
	angle := math.Atan2(right.y-left.y, right.x-left.x)
	side := margin * (f.width + f.height) / 2
	sin, cos := math.Sincos(angle)
	return frame{
		centre: point{f.centre.x + raise*side*sin, f.centre.y - raise*side*cos},
		side:   side,
		angle:  angle,
	}
}

// around is the square about a face in which BlazeFace sees it best: twice its
// size (measured: scores .93-.95, against .80-.92 at two and a half times).
func (f *face) around() square {
	side := 2 * max(f.width, f.height)
	return square{f.centre.x - side/2, f.centre.y - side/2, side}
}

// place maps a face from the unit square into s.
func (s square) place(f face) face {
	f.centre = s.at(f.centre)
	f.width *= s.side
	f.height *= s.side
	for i, p := range f.points {
		f.points[i] = s.at(p)
	}
	return f
}

func (s square) at(p point) point { return point{s.x + p.x*s.side, s.y + p.y*s.side} }

// moved is the face at another place of the picture.
func (f face) moved(by point) face {
	f.centre = point{f.centre.x + by.x, f.centre.y + by.y}
	for i, p := range f.points {
		f.points[i] = point{p.x + by.x, p.y + by.y}
	}
	return f
}

// overlap is the area that two boxes share, relative to what they cover
// together (intersection over union).
func (f *face) overlap(g *face) float64 {
	w := min(f.centre.x+f.width/2, g.centre.x+g.width/2) - max(f.centre.x-f.width/2, g.centre.x-g.width/2)
	h := min(f.centre.y+f.height/2, g.centre.y+g.height/2) - max(f.centre.y-f.height/2, g.centre.y-g.height/2)
	if w <= 0 || h <= 0 {
		return 0
	}
	return w * h / (f.width*f.height + g.width*g.height - w*h)
}

// offset is the vector in the picture that leads dx to the right and dy down
// inside the frame.
func (f frame) offset(dx, dy float64) point {
	sin, cos := math.Sincos(f.angle)
	return point{cos*dx - sin*dy, sin*dx + cos*dy}
}
