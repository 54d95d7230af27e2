package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// track runs items one after the other through one extractor. Time on it is
// made up: each item begins where the one before has ended.
type track struct {
	modality  ingest.Modality
	spec      features.Spec
	extractor features.Extractor
	id        *ingest.Track
	logger    *slog.Logger
	now       time.Time
}

func newTrack(m ingest.Modality, extractors Extractors, logger *slog.Logger) (*track, error) {
	x, err := extractors.New(m)
	if err != nil {
		return nil, err
	}
	person, err := ingest.NewParticipant("extract", "item")
	if err != nil {
		return nil, err
	}
	return &track{
		modality: m, spec: extractors.Contract()[m], extractor: x, logger: logger,
		id: &ingest.Track{Participant: person, Modality: m}, now: time.Unix(0, 0).UTC(),
	}, nil
}

// extract returns the rows of the next item of the track.
func (t *track) extract(ctx context.Context, item Item) (rows, error) {
	if t.modality == ingest.Text {
		return t.text(item)
	}
	g := grid{start: t.now, step: t.spec.Step, dim: t.spec.Dim}
	var end time.Time
	var err error
	if isPicture(item.Path) && t.modality == ingest.Video {
		end, err = t.picture(item, g.add)
	} else {
		end, err = t.media(ctx, item.Path, g.add)
	}
	// The next item begins on the grid, apart from this one.
	next := t.now.Add((end.Sub(t.now) + t.spec.Step - 1).Truncate(t.spec.Step))
	err = errors.Join(err, t.send(end, ingest.Gap{End: next}, g.add))
	t.now = next
	return g.rows, err
}

// send gives the extractor one sample.
func (t *track) send(at time.Time, p ingest.Payload, emit func(features.Unit)) error {
	return t.extractor.Extract(ingest.Sample{
		Track: t.id, Time: at, Clock: ingest.Clock{Source: ingest.ClockContainer}, Payload: p,
	}, emit)
}

// media sends the sound or the pictures of a file and returns when they end.
func (t *track) media(ctx context.Context, path string, emit func(features.Unit)) (end time.Time, err error) {
	end = t.now
	d, err := codec.Open(ctx, path, t.modality, t.logger)
	if err != nil {
		return end, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	d.StartAt(t.now)
	for {
		u, err := d.Next(ctx)
		if errors.Is(err, io.EOF) {
			return end, nil
		}
		if err != nil {
			return end, err
		}
		if u.Time.After(end) {
			end = u.Time
		}
		if _, over := u.Payload.(ingest.End); over {
			continue // of the item, not of the track
		}
		if err := t.send(u.Time, u.Payload, emit); err != nil {
			return end, err
		}
	}
}

// picture sends a single picture, which lasts one step.
func (t *track) picture(item Item, emit func(features.Unit)) (end time.Time, err error) {
	p, err := readPicture(item.Path)
	if err != nil {
		return t.now, err
	}
	if item.Crop && (p.Width != cropSide || p.Height != cropSide) {
		return t.now, fmt.Errorf("%s has %dx%d pixels; a face crop has %dx%d", item.Path, p.Width, p.Height, cropSide, cropSide)
	}
	return t.now.Add(t.spec.Step), t.send(t.now, p, emit)
}

func isPicture(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jpg", ".jpeg", ".png":
		return true
	default:
		return false
	}
}

// grid puts vectors into rows by their time: row k is the step at k steps from
// the start. A step that was never given out, because the file has a hole, is a
// row without values.
type grid struct {
	start time.Time
	step  time.Duration
	dim   int
	rows  rows
}

func (g *grid) add(u features.Unit) {
	v, ok := u.(features.Vector)
	if !ok {
		return
	}
	row := int(v.Start.Sub(g.start) / g.step)
	if row < len(g.rows.mask) {
		return // after a hole the grid may begin anew within the same step
	}
	for len(g.rows.mask) < row {
		at := g.start.Add(time.Duration(len(g.rows.mask)) * g.step)
		g.append(features.Vector{Start: at, End: at.Add(g.step)})
	}
	g.append(v)
}

func (g *grid) append(v features.Vector) {
	usable := uint8(1)
	if v.Values == nil {
		usable = 0
		v.Values = make([]float32, g.dim)
	}
	g.rows.values = append(g.rows.values, v.Values...)
	g.rows.mask = append(g.rows.mask, usable)
	g.rows.start = append(g.rows.start, v.Start.Sub(g.start).Seconds())
	g.rows.end = append(g.rows.end, v.End.Sub(g.start).Seconds())
}
