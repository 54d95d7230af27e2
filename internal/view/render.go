package view

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/wording"
)

// styles are those of the user's own theme: the 16 colours of a terminal.
type styles struct {
	strong, faint, positive, negative, plain lipgloss.Style
}

func newStyles(r *lipgloss.Renderer) styles {
	return styles{
		plain: r.NewStyle(), strong: r.NewStyle().Bold(true), faint: r.NewStyle().Faint(true),
		positive: r.NewStyle().Foreground(lipgloss.Color("6")), negative: r.NewStyle().Foreground(lipgloss.Color("1")),
	}
}

func (s styles) of(score float64) lipgloss.Style {
	switch wording.Polarity(score) {
	case "positive":
		return s.positive
	case "negative":
		return s.negative
	default:
		return s.plain
	}
}

const (
	crowd   = 8   // people shown while it runs
	widest  = 132 // columns that are used at most
	narrow  = 64  // below, the interval and the bars are left out
	longest = 60  // cells of a sparkline
)

// render draws the state in lines of at most so many columns, each ended.
func render(s *state, width int, st styles) string {
	width = min(max(width, 20), widest)
	lines := []string{header(s, width, st)}
	names := nameWidth(s)
	shown := s.people[:min(len(s.people), crowd)]
	for _, p := range shown {
		lines = append(lines, personLine(p, names, width, st), streamLine(p, names, width, st))
	}
	if more := len(s.people) - len(shown); more > 0 {
		lines = append(lines, st.faint.Render(fmt.Sprintf("and %d more", more)))
	}
	if len(s.people) > 1 {
		lines = append(lines, trailLine("together", s.together, names, width, st))
	}
	return fit(lines, width)
}

// fit cuts the lines to the width: one that wraps could not be taken back.
func fit(lines []string, width int) string {
	var b strings.Builder
	cut := lipgloss.NewStyle().MaxWidth(width - 1)
	for _, l := range lines {
		b.WriteString(strings.TrimRight(cut.Render(l), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// header is the bar: how far, how fast, how long still.
func header(s *state, width int, st styles) string {
	facts := wording.Clock(s.done.Seconds())
	share := 0.0
	if s.total > 0 {
		share = min(float64(s.done)/float64(s.total), 1)
		facts = wording.Percent(share) + "  " + facts + " of " + wording.Clock(s.total.Seconds())
		if left, ok := s.left(); ok {
			facts += ", " + wording.Lasting(left.Seconds()) + " left"
		}
	}
	title := pad(printable(s.title), min(lipgloss.Width(s.title), width/3))
	room := width - 1 - lipgloss.Width(title) - lipgloss.Width(facts) - 4
	if s.total == 0 || room < 4 {
		return st.strong.Render(title) + "  " + facts
	}
	full := min(int(math.Round(share*float64(room))), room)
	return st.strong.Render(title) + "  " + st.positive.Render(strings.Repeat("━", full)) + st.faint.Render(strings.Repeat("─", room-full)) + "  " + facts
}

// left is how long the rest will take at the speed so far.
func (s *state) left() (time.Duration, bool) {
	if s.elapsed < time.Second || s.done <= 0 || s.done >= s.total {
		return 0, false
	}
	return time.Duration(float64(s.elapsed) * (float64(s.total)/float64(s.done) - 1)), true
}

func nameWidth(s *state) int {
	width := 0
	for _, p := range s.people {
		width = max(width, lipgloss.Width(p.name))
	}
	if len(s.people) > 1 {
		width = max(width, len("together"))
	}
	return min(width, 16)
}

// personLine is the rolling score and the newest window.
func personLine(p *person, names, width int, st styles) string {
	line := trailLine(p.name, p.trail, names, width, st)
	switch {
	case p.still != nil:
		return line + st.faint.Render("  now nothing to score")
	case p.newest == nil:
		return line
	}
	e := p.newest
	line += "  now " + st.of(float64(e.Score)).Render(wording.Signed(float64(e.Score))+" "+e.Polarity)
	if width >= narrow {
		line += st.faint.Render(" (" + wording.Signed(float64(e.Interval.Low)) + " to " + wording.Signed(float64(e.Interval.High)) + ")")
	}
	return line
}

// trailLine is a name, a rolling value over time, and where it is now. It
// leaves room for what is said of the newest window.
func trailLine(name string, trail []float64, names, width int, st styles) string {
	label := st.strong.Render(pad(name, names))
	if len(trail) == 0 {
		return label
	}
	last := trail[len(trail)-1]
	value := st.of(last).Render(fmt.Sprintf("%5s", wording.Signed(last)))
	const now, interval = "  now +0.00 negative", " (+0.00 to +0.00)"
	room := width - 1 - names - len("    +0.00") - len(now)
	if width >= narrow {
		room -= len(interval)
	}
	if room < 6 {
		return label + "  " + value
	}
	return label + "  " + sparkline(trail, min(room, longest), st) + "  " + value
}

// streamLine is the share of each stream, or why it is missing.
func streamLine(p *person, names, width int, st styles) string {
	var parts []string
	absent := func(m ingest.Modality, why ingest.Reason) {
		parts = append(parts, st.faint.Render(strings.ToLower(wording.Stream(m))+": "+wording.Because(why)))
	}
	indent := strings.Repeat(" ", names+2)
	switch {
	case p.still != nil:
		for m, why := range p.still {
			absent(ingest.Modality(m), why)
		}
		return indent + strings.Join(parts, "  ")
	case p.newest == nil:
		return ""
	}
	for m, part := range p.newest.Modalities.All() {
		name := strings.ToLower(wording.Stream(ingest.Modality(m)))
		switch {
		case !part.Present:
			absent(ingest.Modality(m), part.Reason)
		case width >= narrow:
			parts = append(parts, name+" "+st.of(value(part.Score)).Render(bar(value(part.Weight), 8))+" "+wording.Percent(value(part.Weight)))
		default:
			parts = append(parts, name+" "+wording.Percent(value(part.Weight)))
		}
	}
	return indent + strings.Join(parts, "  ")
}

func value(n *sink.Number) float64 {
	if n == nil {
		return 0
	}
	return float64(*n)
}
