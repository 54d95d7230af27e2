package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
)

// modelCmd shows and checks the model bundle.
type modelCmd struct {
	JSON bool `help:"Print the manifest as it is."`
}

// Help is shown by --help.
func (modelCmd) Help() string {
	return "Checks the bundle as a call would: every hash, the names and shapes of every network, and that it was trained on the features that this program extracts. inference.model names another bundle than the one inside the program."
}

// Run checks the bundle, then prints its manifest.
func (m modelCmd) Run(ctx context.Context, c *cli) (err error) {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	engine, err := pipeline.Open(cfg.Inference, telemetry.Nop())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close(context.WithoutCancel(ctx))) }()
	if m.JSON {
		return printJSON(os.Stdout, engine.Model())
	}
	return describe(os.Stdout, engine.Model())
}

// notFor is what the model card says first: no figure makes it fit for these.
const notFor = `judging people at work, in education or in hiring, or any decision about a person;
finding out what somebody feels, whether they lie or are ill; people who did not consent;
children; languages other than English. docs/model-card.md says why`

// describe prints the manifest for people.
func describe(w io.Writer, m *model.Manifest) error {
	t := new(bytes.Buffer)
	fmt.Fprintf(t, "model\t%s %s\n", m.Name, m.Version)
	fmt.Fprintf(t, "trained at\tcommit %s\n", m.GitCommit)
	fmt.Fprintf(t, "licence\t%s (%s)\n", m.Licence.Weights, m.Licence.Reason)
	for i, line := range strings.Split(notFor, "\n") {
		fmt.Fprintf(t, "%s\t%s\n", first(i, "not for"), line)
	}
	fmt.Fprintf(t, "windows\t%g s every %g s, at most %g s, with %g s of context\n", m.Window.Seconds, m.Window.HopSeconds, m.Window.MaxSeconds, m.Window.ContextSeconds)
	for _, modality := range ingest.Modalities() {
		s := m.Streams.Of(modality)
		rate := "tokens"
		if s.RateHz > 0 {
			rate = fmt.Sprintf("vectors at %g Hz", s.RateHz)
		}
		fmt.Fprintf(t, "%s\tup to %d %s of %d numbers\n", modality, s.MaxSteps, rate, s.Width)
	}
	fmt.Fprintf(t, "intervals\t%s, at %s\n", m.Interval.Method, percents(m.Interval.Levels))
	for _, name := range []string{model.TextFile, model.VocabFile, model.DetectorFile, model.FaceFile, model.FusionFile} {
		f := m.Files[name]
		fmt.Fprintf(t, "%s\t%.1f MB  sha256:%s\n", name, float64(f.Bytes)/1e6, f.SHA256)
	}
	fmt.Fprintf(t, "trained on\t%s\n", trainedOn(m.Data))
	fmt.Fprintf(t, "features\t%s\n", m.Contract.Hash)
	for line := range strings.Lines(m.Contract.Text) {
		fmt.Fprintf(t, "\t%s\n", strings.TrimSpace(line))
	}
	fmt.Fprint(t, "checked\tfiles, hashes, tensors and the feature contract agree with this program\n")
	if err := columns(w, t, 0); err != nil {
		return err
	}
	return readFigures(m.Metrics).describe(w)
}

// trainedOn names the data files of the manifest.
func trainedOn(data json.RawMessage) string {
	files := section[map[string]string](data)
	if len(files) == 0 {
		return "not recorded"
	}
	return strings.Join(slices.Sorted(maps.Keys(files)), ", ")
}

func percents(levels []float64) string {
	parts := make([]string, len(levels))
	for i, level := range levels {
		parts[i] = fmt.Sprintf("%.0f %%", level*100)
	}
	return strings.Join(parts, " and ")
}
