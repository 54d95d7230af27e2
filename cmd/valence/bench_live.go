package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/valence-live/valence/internal/bench"
)

// benchLiveCmd measures live calls.
type benchLiveCmd struct {
	Media string        `arg:"" optional:"" help:"What each call sends again and again; default: ten seconds of the demo at 640x480." default:"demo/live.webm"`
	Calls int           `help:"Calls at once." default:"5"`
	For   time.Duration `help:"How long they go on." default:"60s"`
	Churn time.Duration `help:"How long each publisher stays before it goes and comes again; 0 for ever." placeholder:"5s"`
	JSON  bool          `help:"Print JSON instead of a table."`
}

// Help is shown by --help.
func (benchLiveCmd) Help() string {
	return "Starts a server of its own, publishes the calls to it by WHIP over loopback in real time, and reads their events by Server-Sent Events. The publishers run on the same processors and are not counted; on a machine that is busy otherwise, latency measures the machine."
}

// Run measures.
func (b benchLiveCmd) Run(ctx context.Context, c *cli) (err error) {
	server, err := startServer(ctx, c.Config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	result, err := bench.RunLive(ctx, bench.LiveConfig{
		Server: server.address, PID: server.command.Process.Pid,
		Media: b.Media, Calls: b.Calls, Length: b.For, Churn: b.Churn,
	}, func(what string) { fmt.Fprintf(os.Stderr, "measuring: %s\n", what) })
	if err != nil {
		return err
	}
	if b.JSON {
		return printJSON(os.Stdout, result)
	}
	return liveTable(os.Stdout, result)
}

func liveTable(w io.Writer, r *bench.Live) error {
	t := new(bytes.Buffer)
	fmt.Fprintf(t, "%d live calls for %.0f s: %d provisional and %d final events, %d missing\n\n", r.Calls, r.Length, r.Provisional, r.Final, r.Missing)
	fmt.Fprint(t, "ms\tp50\tp95\tp99\tmost\t\n")
	for _, row := range []struct {
		name string
		q    bench.Quantiles
	}{
		{"last packet to provisional event", r.LastPacket},
		{"window end to final event", r.FinalAfter},
		{"offer to first event", r.FirstScore},
	} {
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t\n", row.name, row.q.P50, row.q.P95, row.q.P99, row.q.Max)
	}
	const MB = 1e6
	fmt.Fprintf(t, "\nCPU ms/s of a call\t%.1f\t\n", r.CPU)
	fmt.Fprintf(t, "memory, models loaded\t%.0f MB\t\n", float64(r.Loaded)/MB)
	fmt.Fprintf(t, "with one call\t%.0f MB\t\n", float64(r.One)/MB)
	fmt.Fprintf(t, "with all\t%.0f MB\t\n", float64(r.All)/MB)
	fmt.Fprintf(t, "one more call\t%.1f MB\t\n", float64(r.PerCall)/MB)
	fmt.Fprintf(t, "growth after the first third\t%.2f MB in 10 min\t\n", r.Slope/MB)
	fmt.Fprintf(t, "goroutines then and at the end\t%d, %d\t\n", r.Goroutines[0], r.Goroutines[1])
	for _, what := range slices.Sorted(maps.Keys(r.Drops)) {
		fmt.Fprintf(t, "%s\t%.0f\t\n", what, r.Drops[what])
	}
	return columns(w, t, tabwriter.AlignRight)
}

// serverProcess is this program, serving in a process of its own.
type serverProcess struct {
	command *exec.Cmd
	address string
	ended   chan error
}

// startServer serves on free ports and waits until it does.
func startServer(ctx context.Context, config string) (*serverProcess, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--listen", "127.0.0.1:0"}
	if config != "" {
		args = append(args, "--config", config)
	}
	s := &serverProcess{command: exec.CommandContext(ctx, program, args...), ended: make(chan error, 1)} //nolint:gosec // G204: this very program
	s.command.Env = append(os.Environ(), "VALENCE_INGEST_WEBRTC_UDP=127.0.0.1:0")
	s.command.Stderr = os.Stderr
	s.command.Cancel = func() error { return s.command.Process.Signal(os.Interrupt) }
	out, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err = s.command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() { s.ended <- s.command.Wait() }()
	if err != nil {
		return nil, errors.Join(errors.New("the server did not start"), s.stop())
	}
	s.address = strings.TrimSpace(line)
	return s, nil
}

// stop ends the server and waits for it. A server that was interrupted has done
// as it was told.
func (s *serverProcess) stop() error {
	_ = s.command.Process.Signal(os.Interrupt) // it may have ended
	return <-s.ended
}
