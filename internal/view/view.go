// Package view shows a replay in a terminal while it runs: how far it is, and
// for each participant the rolling score, the newest window, the share of each
// stream and what is missing.
//
// On a terminal it redraws a few lines in place, at most ten times a second.
// Elsewhere it prints a line every few seconds. Either way a summary remains.
// Standard output stays free for the events.
package view

import (
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/valence-live/valence/sink"
)

// Options say where a View is shown.
type Options struct {
	// Title heads the view: the session, or what is replayed.
	Title string
	// Terminal is true if lines can be redrawn in place.
	Terminal bool
	// Colour is true if the terminal shows colours and the user wants them.
	Colour bool
	// Width returns how many columns there are; it is asked at each redraw. Nil
	// is 80.
	Width func() int
}

const (
	redraw = 100 * time.Millisecond // at most so often on a terminal
	report = 5 * time.Second        // and so often elsewhere
)

// View shows a replay. Its methods may be called from any goroutine. Time is
// given to it, so that it needs no clock: any that does not go backwards.
type View struct {
	mu     sync.Mutex
	w      io.Writer
	o      Options
	styles styles
	state  state
	begun  time.Time
	drawn  time.Time
	lines  int // on the terminal now
	closed bool
	err    error
}

// New returns a View that writes to w, and nothing before the first call.
func New(w io.Writer, o Options) *View {
	if o.Width == nil {
		o.Width = func() int { return 80 }
	}
	r := lipgloss.NewRenderer(w)
	r.SetColorProfile(termenv.Ascii)
	if o.Colour {
		r.SetColorProfile(termenv.ANSI)
	}
	return &View{w: w, o: o, styles: newStyles(r), state: state{title: o.Title}}
}

// Event shows an event. The view keeps nothing of it but numbers.
func (v *View) Event(e *sink.Event, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.add(e)
	v.draw(now)
}

// Progress says how much of the input was read. A total of 0 is unknown.
func (v *View) Progress(done, total time.Duration, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.done, v.state.total = done, total
	v.draw(now)
}

// Write prints whole lines above the view: the place for a log that goes to the
// same terminal.
func (v *View) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.lines == 0 {
		return v.w.Write(p)
	}
	if _, err := io.WriteString(v.w, v.erase()+string(p)); err != nil {
		return 0, err
	}
	v.lines = 0
	v.put(v.block())
	return len(p), v.err
}

// Close replaces the view by a summary of what was seen, if anything was, and
// returns the first error of writing. It may be called more than once; what
// comes later is not shown.
func (v *View) Close(now time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed && !v.begun.IsZero() {
		v.tick(now)
		width := widest
		if v.o.Terminal {
			width = v.o.Width()
		}
		v.put(v.erase() + renderSummary(&v.state, width, v.styles))
		v.lines = 0
	}
	v.closed = true
	return v.err
}

// tick keeps the time that has passed.
func (v *View) tick(now time.Time) {
	if v.begun.IsZero() {
		v.begun = now
		if !v.o.Terminal {
			v.drawn = now
		}
	}
	v.state.elapsed = now.Sub(v.begun)
}

// draw shows the state, unless it did so a moment ago.
func (v *View) draw(now time.Time) {
	if v.closed {
		return
	}
	v.tick(now)
	pause := report
	if v.o.Terminal {
		pause = redraw
	}
	if !v.drawn.IsZero() && now.Sub(v.drawn) < pause {
		return
	}
	v.drawn = now
	if v.o.Terminal {
		before := v.erase()
		v.put(before + v.block())
		return
	}
	v.put(renderLine(&v.state) + "\n")
}

// block draws the lines of the terminal and counts them.
func (v *View) block() string {
	text := render(&v.state, v.o.Width(), v.styles)
	v.lines = strings.Count(text, "\n")
	return text
}

// erase returns what takes the lines off the terminal again.
func (v *View) erase() string {
	if v.lines == 0 {
		return ""
	}
	return "\x1b[" + strconv.Itoa(v.lines) + "A\r\x1b[J" // so many lines up, and clear from there
}

func (v *View) put(text string) {
	if v.err != nil {
		return
	}
	_, v.err = io.WriteString(v.w, text)
}
