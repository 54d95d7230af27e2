// Package video turns the pictures of one person into one vector of 64 numbers
// every 200 ms: what the face encoder sees in the face, less what it saw in the
// same track during the last 30 s.
//
// The first picture of each step is used. The face in it is found by BlazeFace,
// followed from picture to picture, turned upright and cropped to 48x48 grey
// pixels the way FER2013, on which the encoder was trained, crops its faces.
//
// Whose face it is: the largest one when a face is looked for, and from then on
// that one, as long as it can be seen. A second person who comes closer does not
// take over, because the baseline belongs to one person; nobody is recognised,
// so a new person who takes the seat is compared with the old baseline until it
// has faded, which takes 30 s.
//
// A picture without a face, or an almost black one (a muted camera), gives a
// Vector without values and with the reason; nothing is guessed.
package video

import (
	"errors"
	"fmt"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

const (
	// Step is the time between two vectors.
	Step = 200 * time.Millisecond

	// Dim is the number of values of a Vector.
	Dim = 64

	// CropSide is the width and height of what the face encoder sees. A picture
	// of this very size is taken as such a crop, not as a picture to look for a
	// face in: that is how data sets of cropped faces are extracted.
	CropSide = 48

	maxLen = 64

	// hold is how long a picture stands when no newer one comes: browsers send
	// one or two pictures a second of a muted camera or a still scene.
	hold = time.Second

	// chunk is how many vectors share one allocation.
	chunk = 32
)

var (
	// ErrPayload says that a Sample holds something that a video track cannot.
	ErrPayload = errors.New("payload does not belong to a video track")

	// ErrPicture says that the planes of a picture do not fit its size.
	ErrPicture = errors.New("malformed picture")
)

// Spec describes the vectors for the feature contract; nets are the hashes of
// the detector and of the encoder.
func Spec(nets ...string) features.Spec {
	return features.Spec{
		Extractor: "blazeface-fer48-running30s/1",
		Dim:       Dim,
		Step:      Step,
		MaxLen:    maxLen,
		Nets:      nets,
	}
}

// Extractor implements features.Extractor for a video track. Steps are
// multiples of Step since the Unix epoch, so the vectors do not depend on when
// the track began. A step without a picture of its own repeats the one before,
// for at most a second; what is longer is passed on as a Mark.
type Extractor struct {
	encoder  features.FaceEncoder
	finder   *finder
	baseline baseline

	begun bool
	next  int64           // the first step that has not been given out
	held  features.Vector // of the newest picture; its Receipt is retained
	until int64           // the first step for which held is too old

	still     [CropSide * CropSide]float32
	embedding [Dim]float32
	values    []float32 // what is left of the current chunk
}

// New returns an Extractor for one track. The nets may be shared by many.
func New(detector features.FaceDetector, encoder features.FaceEncoder) *Extractor {
	return &Extractor{encoder: encoder, finder: newFinder(detector)}
}

// Extract takes pictures, Gap, Progress and End. It releases every picture, and
// tells the Track how wide the face in it was.
// After an error (a malformed picture, or a net that failed) the track can go on
// with the next Sample.
func (x *Extractor) Extract(s ingest.Sample, emit func(features.Unit)) error {
	switch p := s.Payload.(type) {
	case *ingest.Picture:
		defer p.Release()
		return x.picture(s, p, emit)
	case ingest.Gap:
		x.fill(s.Time, emit)
		x.skip(stepAt(p.End), p.Reason, emit)
	case ingest.Progress:
		x.progress(s.Time, emit)
	case ingest.End:
		x.fill(s.Time, emit)
		x.release()
		emit(features.Mark{Modality: ingest.Video, Time: s.Time, Reason: p.Reason, End: true})
	default:
		return fmt.Errorf("%w: %T at %s", ErrPayload, s.Payload, s.Time.Format(time.RFC3339Nano))
	}
	return nil
}

func (x *Extractor) picture(s ingest.Sample, p *ingest.Picture, emit func(features.Unit)) error {
	step := stepAt(s.Time)
	if x.begun && step < x.next {
		return nil // the step has its picture already
	}
	if err := check(p); err != nil {
		return fmt.Errorf("%w at %s", err, s.Time.Format(time.RFC3339Nano))
	}
	x.fill(s.Time, emit)
	values, reason, err := x.see(p, step)
	if err != nil {
		return fmt.Errorf("face at %s: %w", s.Time.Format(time.RFC3339Nano), err)
	}
	if s.Track != nil {
		s.Track.SawFace(x.finder.share(p))
	}
	x.release()
	s.Receipt.Retain()
	x.held = features.Vector{
		Modality: ingest.Video, Values: values, Reason: reason, Clock: s.Clock, Receipt: s.Receipt,
	}
	x.begun, x.next = true, step
	x.until = stepAt(s.Time.Add(hold))
	x.repeat(emit)
	return nil
}

// see returns the values of a picture, or the reason why it has none.
func (x *Extractor) see(p *ingest.Picture, step int64) ([]float32, ingest.Reason, error) {
	crop, reason, err := x.crop(p, step)
	if err != nil || reason != "" {
		return nil, reason, err
	}
	if err := x.encoder.EncodeFace(crop, x.embedding[:]); err != nil {
		return nil, "", fmt.Errorf("encode: %w", err)
	}
	if len(x.values) < Dim {
		x.values = make([]float32, chunk*Dim)
	}
	values := x.values[:Dim:Dim]
	x.values = x.values[Dim:]
	x.baseline.subtract(values, &x.embedding, step)
	return values, "", nil
}

// crop returns the face in a picture, or the reason why there is none.
func (x *Extractor) crop(p *ingest.Picture, step int64) ([]float32, ingest.Reason, error) {
	if p.Width == CropSide && p.Height == CropSide {
		whole := frame{centre: point{CropSide / 2, CropSide / 2}, side: CropSide}
		cropFrame(x.still[:], CropSide, p, whole)
		return x.still[:], "", nil
	}
	if black(p) {
		x.finder.forget()
		return nil, ingest.ReasonMuted, nil
	}
	crop, err := x.finder.find(p, step)
	if err == nil && crop == nil {
		return nil, ingest.ReasonNoFace, nil
	}
	return crop, "", err
}

// fill gives out the steps before t that have no picture of their own.
func (x *Extractor) fill(t time.Time, emit func(features.Unit)) {
	if !x.begun {
		return
	}
	step := stepAt(t)
	for x.next < min(step, x.until) {
		x.repeat(emit)
	}
	if x.next < step {
		x.skip(step, ingest.ReasonLost, emit)
	}
}

// skip leaves out the steps before step. Who or what is seen after it may be
// elsewhere.
func (x *Extractor) skip(step int64, why ingest.Reason, emit func(features.Unit)) {
	x.release()
	x.finder.forget()
	x.next = max(x.next, step)
	emit(features.Mark{Modality: ingest.Video, Time: startOf(step), Reason: why})
}

// repeat gives out the held vector for the next step.
func (x *Extractor) repeat(emit func(features.Unit)) {
	v := x.held
	v.Start, v.End = startOf(x.next), startOf(x.next+1)
	v.Receipt.Retain()
	x.next++
	emit(v)
}

// progress says how far the track is known.
func (x *Extractor) progress(t time.Time, emit func(features.Unit)) {
	x.fill(t, emit)
	if next := startOf(x.next); x.begun && next.Before(t) {
		t = next // the step may still get its picture
	}
	emit(features.Mark{Modality: ingest.Video, Time: t})
}

// release forgets the held vector: no step repeats it any more.
func (x *Extractor) release() {
	x.held.Receipt.Release()
	x.held = features.Vector{}
	x.until = x.next
}

// stepAt is the number of the step that holds t.
func stepAt(t time.Time) int64 {
	ms, step := t.UnixMilli(), Step.Milliseconds()
	n := ms / step
	if ms%step < 0 {
		n--
	}
	return n
}

func startOf(step int64) time.Time {
	return time.UnixMilli(step * Step.Milliseconds()).UTC()
}
