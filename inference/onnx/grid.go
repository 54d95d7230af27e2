package onnx

import (
	"fmt"
	"math"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/ingest"
)

// grid says where the vectors of a window go in the tensors.
//
// Tokens stand one after the other, the newest if there are too many; their mask
// is the seconds that each stands for. Audio and video stand on a grid of their
// step from where the window's content begins: the slot of a vector is
// floor((vector start - window start) / step), and their mask is 1. A slot without
// a vector is masked by 0. Training places its vectors by the same rule.
type grid [ingest.NumModalities]axis

// axis is one modality's part of the grid.
type axis struct {
	width, maxSteps int
	step            time.Duration // 0 for tokens
	longest         time.Duration // of a window
}

func newGrid(m *model.Manifest) grid {
	var g grid
	for _, modality := range ingest.Modalities() {
		s := m.Streams.Of(modality)
		g[modality] = axis{width: s.Width, maxSteps: s.MaxSteps, step: s.Step(), longest: m.Window.Longest()}
	}
	return g
}

// row is what is known of a window before it is written into the tensors.
type row struct {
	window *features.Window
	result *inference.Result
	// present are the streams that have at least one vector in the grid.
	present model.Present
	// length of each stream up to its last vector, at least 1: the masks keep
	// what is behind it from changing a score.
	length [ingest.NumModalities]int
}

// row checks a window. Its errors wrap ErrEmpty or ErrInput.
func (g *grid) row(w *features.Window) (row, error) {
	var r row
	if length := w.End.Sub(w.From); length <= 0 || length > g[ingest.Text].longest {
		return r, fmt.Errorf("%w: the window lasts %s, the model takes more than 0 and at most %s: shorten align.window", ErrInput, length, g[ingest.Text].longest)
	}
	for _, m := range ingest.Modalities() {
		r.length[m] = 1
		if !w.Streams[m].Present {
			continue
		}
		vectors := g.vectors(m, w)
		for i := range vectors {
			slot := g[m].slot(w, &vectors[i], i)
			if slot < 0 {
				continue
			}
			if got := len(vectors[i].Values); got != g[m].width {
				return r, fmt.Errorf("%w: a %s vector has %d numbers, the model takes %d", ErrInput, m, got, g[m].width)
			}
			if weight := vectors[i].Weight; m == ingest.Text && (!(weight > 0) || math.IsInf(float64(weight), 1)) {
				return r, fmt.Errorf("%w: a text vector stands for %v s, the model takes a finite number above 0", ErrInput, weight)
			}
			r.present[m] = true
			r.length[m] = max(r.length[m], slot+1)
		}
	}
	if r.present == (model.Present{}) {
		return r, fmt.Errorf("%w: no stream has a vector between %s and %s", ErrEmpty, w.From, w.End)
	}
	if r.present[ingest.Text] {
		return r, g.before(&w.Before)
	}
	return r, nil
}

// before checks what was said before a window.
func (g *grid) before(b *features.Before) error {
	got, width := len(b.Values), g[ingest.Text].width
	switch {
	case !(b.Seconds >= 0) || math.IsInf(float64(b.Seconds), 1):
		return fmt.Errorf("%w: %v s were said before the window, the model takes a finite number from 0 on", ErrInput, b.Seconds)
	case got != width && (got > 0 || b.Seconds > 0):
		return fmt.Errorf("%w: what was said before the window has %d numbers, the model takes %d", ErrInput, got, width)
	default:
		return nil
	}
}

// fillBefore writes what was said before a window into its part of the tensors,
// and zeros where nothing was or its text is absent.
func (g *grid) fillBefore(r *row, values, seconds []float32) {
	clear(values)
	clear(seconds)
	if b := &r.window.Before; r.present[ingest.Text] && b.Seconds > 0 {
		copy(values, b.Values)
		seconds[0] = b.Seconds
	}
}

// fill writes one stream of a window into its part of the tensors, and zeros
// where it has nothing.
func (g *grid) fill(m ingest.Modality, r *row, values, mask []float32) {
	clear(mask)
	written := 0 // slots that are
	if r.present[m] {
		width := g[m].width
		vectors := g.vectors(m, r.window)
		for i := range vectors {
			slot := g[m].slot(r.window, &vectors[i], i)
			if slot < 0 {
				continue
			}
			if slot > written {
				clear(values[written*width : slot*width])
			}
			copy(values[slot*width:(slot+1)*width], vectors[i].Values)
			mask[slot] = 1
			if m == ingest.Text {
				mask[slot] = vectors[i].Weight
			}
			written = max(written, slot+1)
		}
	}
	clear(values[written*g[m].width:])
}

// vectors are those of a stream that fit into its tensor.
func (g *grid) vectors(m ingest.Modality, w *features.Window) []features.Vector {
	switch m {
	case ingest.Text:
		return w.Text[max(0, len(w.Text)-g[m].maxSteps):]
	case ingest.Audio:
		return w.Audio
	case ingest.Video:
		return w.Video
	default:
		return nil
	}
}

// slot returns the place of the i-th vector, or -1 if it has none: it is not
// usable, or begins outside of the window's content.
func (a *axis) slot(w *features.Window, v *features.Vector, i int) int {
	if v.Values == nil {
		return -1
	}
	if a.step == 0 {
		return i
	}
	if v.Start.Before(w.From) || !v.Start.Before(w.End) {
		return -1
	}
	slot := int(v.Start.Sub(w.From) / a.step)
	if slot >= a.maxSteps {
		return -1
	}
	return slot
}
