package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"time"

	"golang.org/x/term"

	"github.com/valence-live/valence/inference/onnx"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/extract"
	"github.com/valence-live/valence/internal/pipeline"
)

// brokenShown is how many broken items are listed; the file names all.
const brokenShown = 20

// extractCmd makes feature files for training.
type extractCmd struct {
	Manifest string `arg:"" help:"CSV file with a row for each item: id, track, and text (start, end) or path (crop)." type:"existingfile"`
	Modality string `help:"What to extract: ${enum}." enum:"text,audio,video" required:""`
	Out      string `help:"The .npz file to write." type:"path" required:"" placeholder:"FILE"`
	Jobs     int    `help:"Tracks at a time; the result does not depend on it. 0 takes one for each core." default:"0"`
}

// Help is shown by --help.
func (extractCmd) Help() string {
	return "Rows of one track follow each other without a gap, as one person's call would. Items that cannot be read are listed and left without rows."
}

// Run extracts.
func (x extractCmd) Run(ctx context.Context, c *cli) (err error) {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	modality, err := ingest.ParseModality(x.Modality)
	if err != nil {
		return err
	}
	bundle, err := pipeline.Bundle(cfg.Inference)
	if err != nil {
		return err
	}
	ort, err := onnx.Open(onnx.Config{Library: cfg.Inference.Library})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ort.Close()) }()
	extractors, err := pipeline.OpenExtractors(bundle, ort)
	if err != nil {
		return err
	}
	jobs := x.Jobs
	if jobs < 1 {
		jobs = runtime.GOMAXPROCS(0)
	}
	progress := extract.NewProgress(os.Stderr, "extract "+x.Modality, term.IsTerminal(int(os.Stderr.Fd())), time.Now)
	summary, err := extract.Run(ctx, extract.Config{Modality: modality, Manifest: x.Manifest, Out: x.Out, Jobs: jobs},
		extractors, slog.New(slog.DiscardHandler), progress.Show)
	if err != nil {
		return err
	}
	summarise(os.Stderr, x, summary)
	return nil
}

// summarise says what came out.
func summarise(w io.Writer, x extractCmd, s extract.Summary) {
	for i, b := range s.Broken {
		if i == brokenShown {
			_, _ = fmt.Fprintf(w, "... and %d more\n", len(s.Broken)-brokenShown)
			break
		}
		_, _ = fmt.Fprintf(w, "%s:%d: %s: %v\n", x.Manifest, b.Item.Line, b.Item.ID, b.Err)
	}
	_, _ = fmt.Fprintf(w, "%s: %d of %d items, %d rows, %d usable\n", x.Out, s.Items-len(s.Broken), s.Items, s.Rows, s.Usable)
}
