package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/internal/config"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/relay"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/internal/view"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/jsonl"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/report"
)

// replayCmd scores a recorded call.
type replayCmd struct {
	Media       string         `arg:"" optional:"" help:"A media file, or a transcript alone." placeholder:"MEDIA"`
	Transcript  []string       `help:"Transcript of MEDIA (.vtt, .srt, .json), or NAME=FILE for one participant." placeholder:"[NAME=]FILE" sep:"none"`
	Session     string         `help:"Id of the call." default:"replay"`
	Participant []string       `help:"Id of the speaker of MEDIA, or NAME=FILE for each participant of the call." placeholder:"NAME[=FILE]" sep:"none"`
	Speed       string         `help:"max: as fast as it goes; 1: as fast as it was spoken." enum:"max,1" default:"max"`
	Output      string         `short:"o" help:"Where the events go as JSON lines; - is stdout." default:"-" placeholder:"FILE"`
	Report      string         `help:"Also write a page that shows the call." placeholder:"FILE"`
	Drop        []string       `help:"Leave streams out: text, audio, video." placeholder:"STREAM"`
	Window      *time.Duration `help:"Length of the sliding windows (align.window)." placeholder:"8s"`
	Hop         *time.Duration `help:"Time from one window to the next (align.hop)." placeholder:"1s"`
	Start       time.Time      `help:"Capture time of the first sample; default: the file's creation time, else 1970-01-01T00:00:00Z." placeholder:"TIME"`
	Provisional bool           `help:"Also publish each window as soon as it is reached, before it is final."`
	Role        role           `help:"all scores the call here; gateway sends its features to Kafka (ingest.kafka.brokers), for workers." enum:"all,gateway" default:"all"`
	Quiet       bool           `short:"q" help:"Show no progress on stderr."`
}

// Help is shown by --help.
func (replayCmd) Help() string {
	return `Containers: WebM, MP4/MOV, Matroska, MPEG, WAV, FLAC, Ogg and what else FFmpeg reads. Streams that are missing are said to be missing; what there is is scored. Replaying a file is taken as the consent of the people in it.

Examples:
  valence replay talk.mp4 --transcript talk.vtt --report talk.html
  valence replay --participant alice=a.webm --participant bob=b.mp4 --transcript alice=a.vtt -o events.jsonl
  valence replay notes.srt
  valence replay talk.mp4 --drop video | jq .rolling.participant`
}

// Run replays.
func (r *replayCmd) Run(ctx context.Context, c *cli) (err error) {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	source, err := r.source()
	if err != nil {
		return err
	}
	var progress *view.View
	var logs io.Writer = os.Stderr
	if !r.Quiet {
		progress = view.New(os.Stderr, view.For(os.Stderr, r.Session, os.LookupEnv))
		logs = progress // so that a line of log does not tear the view
		defer func() { err = errors.Join(err, progress.Close(time.Now())) }()
	}
	logger, err := telemetry.NewLogger(cfg.Log, logs)
	if err != nil {
		return err
	}
	set, stop, err := telemetry.Start(ctx, logger, logs, version())
	defer func() {
		if lost := stop(context.WithoutCancel(ctx)); lost != nil {
			logger.WarnContext(ctx, "telemetry was not delivered", slog.Any("error", lost)) // the scores were
		}
	}()
	if err != nil {
		return err
	}
	return r.replay(ctx, cfg, source, set, progress)
}

// replay runs one call from its files to its events.
func (r *replayCmd) replay(ctx context.Context, cfg config.Config, from replay.Config, set telemetry.Settings, progress *view.View) (err error) {
	source, err := replay.Open(ctx, from, set.Logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	engine, err := pipeline.Open(cfg.Inference, set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close(context.WithoutCancel(ctx))) }()

	if r.Role == roleGateway {
		return r.relay(ctx, cfg, engine, source, set, progress)
	}
	out, err := create(r.Output)
	if err != nil {
		return err
	}
	lines, store := jsonl.New(out), memory.New(memory.Default())
	var seen report.Call
	to := sink.Fanout{lines, store}
	var input ingest.Source = source
	if progress != nil {
		to = append(to, shown{progress})
		input = watched{source, progress}
	}
	settings := r.call(cfg, engine, source)
	r.observe(&settings, &seen, progress)
	call, err := engine.NewCall(settings, to)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	err = call.Run(ctx, input)
	if failed := lines.Close(); !errors.Is(err, failed) { // else it has been said
		err = errors.Join(err, failed)
	}
	err = errors.Join(err, out.Close())
	if r.Report == "" || ctx.Err() != nil {
		return err
	}
	return errors.Join(err, r.writeReport(seen, source, store)) // also of a file that broke off
}

// earliest and latest bound the years of --start: times are kept as nanoseconds
// since 1970, which end in 1677 and 2262.
const earliest, latest = 1700, 2200

// relay sends what is extracted on, to those who score.
func (r *replayCmd) relay(ctx context.Context, cfg config.Config, engine *pipeline.Engine, source *replay.Source, set telemetry.Settings, progress *view.View) (err error) {
	log, err := featureLog(cfg, set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	var input ingest.Source = source
	if progress != nil {
		input = watched{source, progress}
	}
	return relay.Recording(ctx, r.Session, input, engine, log)
}

// source reads the command line: who speaks in which file.
func (r *replayCmd) source() (replay.Config, error) {
	cfg := replay.Config{Session: r.Session, Start: r.Start, RealTime: r.Speed == "1"}
	var errs []error
	for _, name := range r.Drop {
		m, err := ingest.ParseModality(name)
		errs = append(errs, err)
		cfg.Drop = append(cfg.Drop, m)
	}
	single := ""
	for _, p := range r.Participant {
		name, file, both := strings.Cut(p, "=")
		switch {
		case both:
			cfg.Inputs = append(cfg.Inputs, replay.Input{Participant: name, Media: file})
		case single != "":
			errs = append(errs, fmt.Errorf("--participant %s and %s name no file: with several participants give each as NAME=FILE", single, p))
		default:
			single = p
		}
	}
	switch {
	case r.Media != "" && len(cfg.Inputs) > 0:
		errs = append(errs, fmt.Errorf("both %s and --participant NAME=FILE are given: write --participant NAME=%[1]s", r.Media))
	case r.Media != "":
		if single == "" {
			single = trimExt(filepath.Base(r.Media))
		}
		cfg.Inputs = append(cfg.Inputs, replay.Input{Participant: single, Media: r.Media})
	case single != "":
		errs = append(errs, fmt.Errorf("--participant %s names no file: write --participant %[1]s=FILE, or give MEDIA", single))
	case len(cfg.Inputs) == 0 && len(r.Transcript) == 0:
		errs = append(errs, errors.New("nothing to replay: give a media file or a transcript (valence replay --help shows examples)"))
	}
	for _, t := range r.Transcript {
		errs = append(errs, addTranscript(&cfg, t))
	}
	if year := r.Start.Year(); !r.Start.IsZero() && (year < earliest || year > latest) {
		errs = append(errs, fmt.Errorf("--start %s: the year must be from %d to %d", r.Start.Format(time.RFC3339), earliest, latest))
	}
	return cfg, errors.Join(append(errs, r.spare(cfg.Inputs))...)
}

// spare refuses to write over a file of the call, and two things into one file.
func (r *replayCmd) spare(inputs []replay.Input) error {
	var errs []error
	for _, out := range []struct{ flag, file string }{{"--output", r.Output}, {"--report", r.Report}} {
		for _, in := range inputs {
			if same(out.file, in.Media) || same(out.file, in.Transcript) {
				errs = append(errs, fmt.Errorf("%s %s would replace a file of the call: name another", out.flag, out.file))
			}
		}
	}
	if r.Report != "" && (filepath.Clean(r.Report) == filepath.Clean(r.Output) || same(r.Report, r.Output)) {
		errs = append(errs, fmt.Errorf("--report %s is where the events go: give --output another file", r.Report))
	}
	return errors.Join(errs...)
}

// addTranscript gives a transcript to the participant that it names. One who is
// named nowhere else takes part by the transcript alone.
func addTranscript(cfg *replay.Config, argument string) error {
	name, file, named := strings.Cut(argument, "=")
	if !named {
		if len(cfg.Inputs) != 1 {
			return fmt.Errorf("--transcript %s: with several participants write --transcript NAME=%[1]s", argument)
		}
		name, file = cfg.Inputs[0].Participant, argument
	}
	for i := range cfg.Inputs {
		if in := &cfg.Inputs[i]; in.Participant == name {
			if in.Transcript != "" {
				return fmt.Errorf("--transcript is given twice for %s", name)
			}
			in.Transcript = file
			return nil
		}
	}
	cfg.Inputs = append(cfg.Inputs, replay.Input{Participant: name, Transcript: file})
	return nil
}

// call lays the command line over the configuration.
func (r *replayCmd) call(cfg config.Config, engine *pipeline.Engine, source *replay.Source) pipeline.CallConfig {
	c := pipeline.CallConfig{Align: cfg.Align, Rolling: cfg.Sink.Rolling}
	c.Align.Limits = engine.Limits()
	c.Align.Provisional = r.Provisional
	if r.Window != nil {
		c.Align.Window = *r.Window
	}
	if r.Hop != nil {
		c.Align.Hop = *r.Hop
	}
	c.Rolling.Hop = c.Align.Hop
	if source.TranscriptsAlone() {
		c.Rolling.Kind = features.Utterance
	}
	return c
}

// observe has the report and the view, if there is one, see what no event says.
func (r *replayCmd) observe(c *pipeline.CallConfig, seen *report.Call, progress *view.View) {
	if r.Report != "" {
		c.Observe = func(s inference.Score) {
			if s.Window.Kind == features.Sliding {
				seen.Attention = append(seen.Attention, report.AttentionOf(s)...)
			}
		}
	}
	c.Silent = func(w *features.Window) {
		if w.Kind != features.Sliding {
			return
		}
		if r.Report != "" {
			seen.Silent = append(seen.Silent, report.SilenceOf(w))
		}
		if progress != nil {
			progress.Silent(w, time.Now())
		}
	}
}

// writeReport draws what was seen and what the store holds.
func (r *replayCmd) writeReport(page report.Call, source *replay.Source, store *memory.Store) error {
	page.Title, page.Events, page.Start = r.Session, store.Session(r.Session), source.Start()
	page.Transcript = map[string][]ingest.Segment{}
	for _, t := range source.Transcripts() {
		page.Transcript[t.Participant] = t.Segments
	}
	var html bytes.Buffer // so that a call with nothing to draw leaves no empty file
	if err := report.Write(&html, page); err != nil {
		return fmt.Errorf("no report %s: %w", r.Report, err)
	}
	out, err := create(r.Report)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if _, err = html.WriteTo(out); err != nil {
		err = fmt.Errorf("write the report: %w", err)
	}
	return errors.Join(err, out.Close())
}
