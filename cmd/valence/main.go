// Command valence scores the sentiment of calls: video, speech and transcript
// go in, rolling scores come out.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line. Each command is a struct with a Run method in a file
// of its own.
type cli struct {
	Config string `help:"YAML file with settings; VALENCE_* environment variables go over it." type:"path" placeholder:"FILE"`

	Serve   serveCmd   `cmd:"" help:"Score live calls: WebRTC in, scores and an overlay out."`
	Replay  replayCmd  `cmd:"" help:"Score a recorded call: media files and transcripts in, events out as JSON lines."`
	Extract extractCmd `cmd:"" help:"Extract the features of many files for training, exactly as a call would."`
	Bench   benchCmd   `cmd:"" help:"Measure what calls cost on this machine."`
	Model   modelCmd   `cmd:"" help:"Show the model bundle's manifest and check that every file is what it says."`
	Conf    configCmd  `cmd:"" name:"config" help:"Show the effective configuration."`
	Version versionCmd `cmd:"" help:"Show the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "valence: %v\n", err)
		os.Exit(exitCode(err))
	}
}

// exitCode is 2 for a command line that cannot be understood, 130 for a run
// that was interrupted, else 1.
func exitCode(err error) int {
	var parse *kong.ParseError
	var interrupted interruptedError
	switch {
	case errors.As(err, &parse):
		return 2
	case errors.As(err, &interrupted):
		return 130
	default:
		return 1
	}
}

func run(ctx context.Context, args []string) error {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("valence"),
		kong.Description("Streaming multimodal sentiment: aligned by capture time, honest about what was missing and how sure it is.\n\nExample: valence replay call.webm --transcript call.vtt --report report.html"),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return interruption(ctx, command.Command(), &c, command.Run(&c))
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run() error {
	_, err := fmt.Println(version())
	return err
}

// version is the module's version, or the commit that the program was built
// from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "commit " + s.Value
		}
	}
	return "development"
}
