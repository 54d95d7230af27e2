package sinktest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/sinktest"
)

// fake is a sink that breaks one promise.
type fake struct {
	fault string

	mu      sync.Mutex
	events  []*sink.Event
	ids     map[string]bool
	closed  bool
	stuck   bool
	pending []*sink.Event
}

func (f *fake) Publish(ctx context.Context, e *sink.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil && f.fault != "ignores the context" {
		return err
	}
	if f.closed && f.fault != "takes events after close" {
		return sink.ErrClosed
	}
	if _, err := sink.Encode(e); err != nil || f.stuck {
		f.stuck = f.fault == "gives up after a bad event"
		return fmt.Errorf("bad event %q", e.ID)
	}
	kept := *e
	switch f.fault {
	case "changes the event":
		e.Traceparent = "00"
		defer func() { e.Traceparent = kept.Traceparent + "x" }()
	case "loses a field":
		kept.Traceparent = ""
	case "keeps the first revision":
		if f.ids[e.ID] {
			return nil
		}
	case "refuses repeats":
		if f.ids[e.ID] {
			return fmt.Errorf("duplicate %q", e.ID)
		}
	case "cuts long ids":
		kept.Participant = kept.Participant[:min(len(kept.Participant), 64)]
	case "puts the newest first":
		f.events = append([]*sink.Event{&kept}, f.events...)
		return nil
	case "buffers until close":
		f.pending = append(f.pending, &kept)
		return nil
	}
	f.ids[e.ID] = true
	f.events = append(f.events, &kept)
	return nil
}

func (f *fake) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed && f.fault == "closes once" {
		return sink.ErrClosed
	}
	f.closed = true
	return nil
}

func (f *fake) read(_ *testing.T, session string) []*sink.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	var own []*sink.Event
	for _, e := range f.events {
		if e.Session == session || f.fault == "mixes sessions" {
			own = append(own, e)
		}
	}
	return own
}

func run(t *testing.T, fault string) {
	t.Helper()
	sinktest.Run(t, func(*testing.T) sinktest.Harness {
		f := &fake{fault: fault, ids: map[string]bool{}}
		return sinktest.Harness{Publisher: f, Close: f.close, Events: f.read}
	})
}

func TestASoundSinkPasses(t *testing.T) { run(t, "") }

// asked is set in the process that runs the suite on a broken sink.
const asked = "VALENCE_SINKTEST_FAULT"

func TestBroken(t *testing.T) {
	fault, ok := os.LookupEnv(asked)
	if !ok {
		t.Skip("runs in a process of its own, by TestTheSuiteFindsABrokenSink")
	}
	run(t, fault)
}

func TestTheSuiteFindsABrokenSink(t *testing.T) {
	t.Parallel()
	for fault, promise := range map[string]string{
		"changes the event":          "what is published arrives unchanged",
		"loses a field":              "what is published arrives unchanged",
		"puts the newest first":      "the events of a participant keep their order",
		"refuses repeats":            "a repeat is without harm",
		"keeps the first revision":   "the highest revision wins",
		"mixes sessions":             "sessions are kept apart",
		"cuts long ids":              "odd and long ids arrive",
		"ignores the context":        "a cancelled context delivers nothing",
		"gives up after a bad event": "an event that cannot be encoded harms no other",
		"buffers until close":        "close delivers what was published",
		"closes once":                "nothing is published after close",
		"takes events after close":   "nothing is published after close",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBroken$")
			cmd.Env = append(os.Environ(), asked+"="+fault)
			output, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "%s", output)
			assert.Contains(t, string(output), "--- FAIL: TestBroken/"+strings.ReplaceAll(promise, " ", "_"))
		})
	}
}
