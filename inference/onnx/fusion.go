package onnx

import (
	"context"
	"fmt"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/ingest"
)

// maxBatch is how many windows go into one run; more are scored in several.
const maxBatch = 64

// Predictor scores windows with the fusion net of a bundle.
//
// A batch is padded to its longest window; the masks keep padding out of the
// scores, but fp32 sums are ordered by shape, so a window's last bits may
// depend on its batch (within 1e-5). Alone, a window always gives the same.
type Predictor struct {
	net   *net[*fusionTensors]
	grid  grid
	scale scale
}

var _ inference.Predictor = (*Predictor)(nil)

// fusionTensors are the tensors of a run, and what is known of its rows.
type fusionTensors struct {
	values, masks [ingest.NumModalities]*tensor[float32]
	present       *tensor[float32]
	before        *tensor[float32] // what was said before
	beforeSeconds *tensor[float32] // and how much of it
	out           outputs
	rows          []row
}

// Predictor loads the fusion net of a bundle. Its errors wrap ErrNet,
// model.ErrFile, or model.ErrLevel if the bundle has no intervals of the
// Runtime's level.
func (r *Runtime) Predictor(b *model.Bundle) (*Predictor, error) {
	file, err := b.ReadFile(model.FusionFile)
	if err != nil {
		return nil, err
	}
	scaled, err := newScale(b.Manifest, r.level)
	if err != nil {
		return nil, err
	}
	places := newGrid(b.Manifest)
	n, err := open(r, model.FusionFile, file, b.Manifest.FusionSignature(), func(t *tensors) *fusionTensors {
		f := &fusionTensors{out: newOutputs(t)}
		for _, m := range ingest.Modalities() {
			f.values[m] = input[float32](t, m.String(), batchAxis, lengthAxis, int64(places[m].width))
			f.masks[m] = input[float32](t, m.String()+"_mask", batchAxis, lengthAxis)
		}
		f.present = input[float32](t, "present", batchAxis, ingest.NumModalities)
		f.before = input[float32](t, "before", batchAxis, int64(places[ingest.Text].width))
		f.beforeSeconds = input[float32](t, "before_seconds", batchAxis)
		return f
	})
	if err != nil {
		return nil, err
	}
	return &Predictor{net: n, grid: places, scale: scaled}, nil
}

// Predict does what inference.Predictor asks for. The error of a window wraps
// ErrEmpty, ErrInput, ErrRun, ErrOutput or ErrClosed, or is that of ctx, which
// is asked before each run: a run cannot be interrupted.
func (p *Predictor) Predict(ctx context.Context, windows []*features.Window) []inference.Result {
	results := make([]inference.Result, len(windows))
	for at := 0; at < len(windows); at += maxBatch {
		end := min(at+maxBatch, len(windows))
		p.predict(ctx, windows[at:end], results[at:end])
	}
	return results
}

// predict scores the windows of one run.
func (p *Predictor) predict(ctx context.Context, windows []*features.Window, results []inference.Result) {
	begin := time.Now()
	s, err := p.net.acquire()
	if err != nil {
		for i := range results {
			results[i].Err = err
		}
		return
	}
	defer p.net.release(s)
	rows := s.view.rows[:0]
	for i, w := range windows {
		r, unfit := p.grid.row(w)
		if unfit != nil {
			results[i].Err = fmt.Errorf("score %s: %w", w.ID(), unfit)
			continue
		}
		r.window, r.result = w, &results[i]
		rows = append(rows, r)
	}
	s.view.rows = rows
	defer clear(rows) // nothing of the caller stays in the pool
	if len(rows) == 0 {
		return
	}
	err = ctx.Err()
	if err == nil {
		err = p.run(s, rows)
	}
	if err != nil {
		for _, r := range rows {
			r.result.Err = fmt.Errorf("score %s: %w", r.window.ID(), err)
		}
		return
	}
	took := time.Since(begin)
	for i, r := range rows {
		score, impossible := p.scale.score(&s.view.out, i, r)
		if impossible != nil {
			r.result.Err = fmt.Errorf("score %s: %w", r.window.ID(), impossible)
			continue
		}
		score.Inference = took
		r.result.Score = score
	}
}

// run fills the tensors with the rows and runs the net.
func (p *Predictor) run(s set[*fusionTensors], rows []row) error {
	f := s.view
	size := extent{batch: len(rows)}
	present, err := f.present.use(size)
	if err != nil {
		return err
	}
	clear(present)
	before, err := f.before.use(size)
	if err != nil {
		return err
	}
	seconds, err := f.beforeSeconds.use(size)
	if err != nil {
		return err
	}
	width := p.grid[ingest.Text].width
	for i := range rows {
		p.grid.fillBefore(&rows[i], before[i*width:(i+1)*width], seconds[i:i+1])
	}
	for _, m := range ingest.Modalities() {
		size.length = 1
		for i := range rows {
			size.length = max(size.length, rows[i].length[m])
		}
		values, err := f.values[m].use(size)
		if err != nil {
			return err
		}
		mask, err := f.masks[m].use(size)
		if err != nil {
			return err
		}
		for i := range rows {
			if rows[i].present[m] {
				present[i*ingest.NumModalities+int(m)] = 1
			}
			from, to := i*size.length, (i+1)*size.length
			p.grid.fill(m, &rows[i], values[from*p.grid[m].width:to*p.grid[m].width], mask[from:to])
		}
		if m == ingest.Text {
			if err := f.out.use(size); err != nil {
				return err
			}
		}
	}
	return s.run()
}
