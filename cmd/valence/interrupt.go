package main

import (
	"context"
	"errors"
	"strings"
)

// interruptedError is what a person reads who has pressed Ctrl-C: that, and what
// is left of the work.
type interruptedError string

func (e interruptedError) Error() string { return string(e) }

// interruption returns how a command ended: err, but in words where it was
// interrupted. command is the line as it was understood, "replay <media>".
func interruption(ctx context.Context, command string, c *cli, err error) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	switch name, _, _ := strings.Cut(command, " "); name {
	case "replay":
		left := "interrupted; the events written so far are whole lines"
		if c.Replay.Report != "" {
			left += ", the report was not written"
		}
		return interruptedError(left)
	case "extract":
		return interruptedError("interrupted; " + c.Extract.Out + " was not written")
	case "bench":
		return interruptedError("interrupted; there are no figures")
	case "serve":
		return interruptedError("stopped")
	default:
		return interruptedError("interrupted")
	}
}
