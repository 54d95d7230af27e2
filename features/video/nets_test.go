package video_test

import "math"

// seeingEyes is a detector for drawn heads: it finds the pair of red and blue
// spots whose red spot has the most pixels.
type seeingEyes struct {
	score float64 // of what is found
	least float64 // smallest distance of eyes, in view pixels, that is found
	looks int
	fails error
}

func newSeeingEyes() *seeingEyes { return &seeingEyes{score: 0.9, least: 2} }

const side = 128

func (d *seeingEyes) DetectFaces(rgb, boxes, logits []float32) error {
	d.looks++
	clear(boxes)
	for i := range logits {
		logits[i] = -50
	}
	if d.fails != nil {
		return d.fails
	}
	redX, redY, reds := spot(rgb, 0, 2)
	blueX, blueY, blues := spot(rgb, 2, 0)
	eyes := math.Hypot(blueX-redX, blueY-redY)
	if reds == 0 || blues == 0 || eyes < d.least {
		return nil
	}
	box := eyes / 0.41
	angle := math.Atan2(blueY-redY, blueX-redX)
	x := (redX+blueX)/2 - math.Sin(angle)*0.25*box
	y := (redY+blueY)/2 + math.Cos(angle)*0.25*box
	cellX, cellY := min(max(int(x/8), 0), 15), min(max(int(y/8), 0), 15)
	anchor := (cellY*16 + cellX) * 2
	anchorX, anchorY := float64(cellX)*8+4, float64(cellY)*8+4
	logits[anchor] = float32(math.Log(d.score / (1 - d.score)))
	raw := []float64{x - anchorX, y - anchorY, box, box, redX - anchorX, redY - anchorY, blueX - anchorX, blueY - anchorY}
	for i, v := range raw {
		boxes[anchor*16+i] = float32(v)
	}
	return nil
}

// spot is the centre of the pixels in which one channel outshines another.
func spot(rgb []float32, channel, other int) (x, y float64, n int) {
	for i := range side * side {
		if rgb[3*i+channel]-rgb[3*i+other] > 0.7 {
			x += float64(i%side) + 0.5
			y += float64(i/side) + 0.5
			n++
		}
	}
	return x / float64(n), y / float64(n), n
}

// meanOfRows is an encoder whose embedding is a mean of the crop's pixels.
type meanOfRows struct {
	crop  []float32 // the last one
	calls int
	fails error
}

func (e *meanOfRows) EncodeFace(crop, embedding []float32) error {
	e.calls++
	e.crop = append(e.crop[:0], crop...)
	for k := range embedding {
		var sum float32
		for _, v := range crop[k*36 : (k+1)*36] {
			sum += v
		}
		embedding[k] = sum / 36 / 255
	}
	return e.fails
}
