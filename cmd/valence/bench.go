package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/internal/bench"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/telemetry"
)

// benchCmd measures what calls cost.
type benchCmd struct {
	Replay benchReplayCmd `cmd:"" default:"withargs" help:"Each stage of a recorded call alone, then several calls at once."`
	Live   benchLiveCmd   `cmd:"" help:"Live calls through a server of its own: latency, memory, CPU."`
}

// benchReplayCmd measures what a recorded call costs.
type benchReplayCmd struct {
	Media      string `arg:"" optional:"" help:"The call; default: the demo."`
	Transcript string `help:"Its transcript; default: the .vtt beside it." type:"existingfile" placeholder:"FILE"`
	Copies     int    `help:"Calls at once." default:"4"`
	Paced      bool   `help:"Also run them as fast as they were spoken, for the latency of live calls." negatable:"" default:"true"`
	JSON       bool   `help:"Print JSON instead of a table."`
}

// Help is shown by --help.
func (benchReplayCmd) Help() string {
	return "Measures each stage alone, then several calls at once. CPU time is steadier than time on the wall, but the same program varies with what else the machine does: compare two programs side by side, in turns."
}

// Run measures.
func (b benchReplayCmd) Run(ctx context.Context, c *cli) (err error) {
	if b.Media == "" {
		b.Media = "demo/call.webm"
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	set := telemetry.Nop()
	engine, err := pipeline.Open(cfg.Inference, set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close(context.WithoutCancel(ctx))) }()
	call := pipeline.CallConfig{Align: cfg.Align, Rolling: cfg.Sink.Rolling}
	call.Align.Limits = engine.Limits()
	call.Rolling.Hop = call.Align.Hop

	result, err := bench.Run(ctx, bench.Config{
		Replay: replay.Config{Session: "bench", Inputs: []replay.Input{{Participant: "speaker", Media: b.Media, Transcript: b.transcript()}}},
		Call:   call, Copies: b.Copies, Paced: b.Paced,
	}, engine, set, func(what string) { fmt.Fprintf(os.Stderr, "measuring: %s\n", what) })
	if err != nil {
		return err
	}
	if b.JSON {
		return printJSON(os.Stdout, result)
	}
	return table(os.Stdout, result)
}

// transcript is the one that is named, or the one beside the call if there is
// one.
func (b benchReplayCmd) transcript() string {
	if b.Transcript != "" {
		return b.Transcript
	}
	beside := trimExt(b.Media) + ".vtt"
	if _, err := os.Stat(beside); err != nil {
		return ""
	}
	return beside
}

// table prints the report for people.
func table(w io.Writer, r *bench.Report) error {
	t := new(bytes.Buffer)
	fmt.Fprintf(t, "a call of %.1f s, %d windows\n\n", r.Call, r.Windows)
	fmt.Fprint(t, "stage\tCPU ms/s\tallocations/s\tkB/s\t\n")
	for _, s := range r.Stages {
		fmt.Fprintf(t, "%s\t%.2f\t%.0f\t%.0f\t\n", s.Name, s.CPU, s.Allocations, s.Bytes/1e3)
	}
	fmt.Fprintf(t, "all\t%.2f\t\t\t\n\n", r.CPU)
	fmt.Fprintf(t, "%.1f calls a core\n\n", r.SessionsPerCore)
	fmt.Fprint(t, "at once\tcalls\tCPU ms/s of a call\twindows/s\tclose to event p50\tp99\tallocations/window\t\n")
	row := func(name string, x *bench.Whole, latency bool) {
		p50, p99 := "-", "-"
		if latency {
			p50, p99 = fmt.Sprintf("%.1f ms", x.P50), fmt.Sprintf("%.1f ms", x.P99)
		}
		fmt.Fprintf(t, "%s\t%d\t%.2f\t%.1f\t%s\t%s\t%.0f\t\n", name, x.Copies, x.CPU, x.WindowsPerSecond, p50, p99, x.AllocationsPerWindow)
	}
	row("full speed", &r.Full, false)
	if r.Paced != nil {
		row("as spoken", r.Paced, true)
	}
	fmt.Fprintf(t, "\nmemory: %.0f MB with the models loaded, %.0f MB after one call, %.0f MB at the most\n",
		float64(r.Loaded)/1e6, float64(r.One)/1e6, float64(r.Peak)/1e6)
	return columns(w, t, tabwriter.AlignRight)
}
