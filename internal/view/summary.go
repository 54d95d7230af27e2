package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink/wording"
)

// renderLine is the state in one line, for where lines cannot be redrawn.
func renderLine(s *state) string {
	text := wording.Clock(s.done.Seconds())
	if s.total > 0 {
		text += " of " + wording.Clock(s.total.Seconds()) + " (" + wording.Percent(min(float64(s.done)/float64(s.total), 1)) + ")"
		if left, ok := s.left(); ok {
			text += ", " + wording.Lasting(left.Seconds()) + " left"
		}
	}
	var people []string
	for _, p := range s.people {
		switch {
		case p.newest != nil && p.still != nil:
			people = append(people, p.name+" "+wording.Signed(p.trail[len(p.trail)-1])+" (now nothing to score)")
		case p.newest != nil:
			people = append(people, p.name+" "+wording.Signed(p.trail[len(p.trail)-1])+" (now "+wording.Signed(float64(p.newest.Score))+" "+p.newest.Polarity+")")
		}
	}
	if len(people) > 0 {
		text += ": " + strings.Join(people[:min(len(people), crowd)], ", ")
	}
	return text
}

// renderSummary is what remains when the replay is over.
func renderSummary(s *state, width int, st styles) string {
	width = min(max(width, 20), widest)
	title := st.strong.Render(printable(s.title))
	if s.title != "" {
		title += ": "
	}
	head := fmt.Sprintf("%s%s of call in %s, %s", title, wording.Lasting(s.done.Seconds()), wording.Lasting(s.elapsed.Seconds()), windows(s.windows()))
	if seconds := s.elapsed.Seconds(); seconds > 0.1 {
		head += fmt.Sprintf(" (%.3g× real time)", s.done.Seconds()/seconds)
	}
	lines := []string{head}
	names := nameWidth(s)
	for _, p := range s.people {
		if p.n == 0 {
			line := st.strong.Render(pad(p.name, names)) + "  nothing could be scored"
			if why := p.unheard(); why != "" {
				line += st.faint.Render(": " + why)
			}
			lines = append(lines, line)
			continue
		}
		mean := p.sum / float64(p.n)
		fact := st.of(mean).Render(wording.Signed(mean)+" "+wording.Polarity(mean)) + st.faint.Render(" on average, "+wording.Signed(p.low)+" to "+wording.Signed(p.high))
		lines = append(lines, st.strong.Render(pad(p.name, names))+"  "+sparkline(compress(p.trail, spark), min(len(p.trail), spark), st)+"  "+fact)
		if lost := p.lost(); lost != "" {
			lines = append(lines, strings.Repeat(" ", names+2)+st.faint.Render("missing: "+lost))
		}
	}
	if len(s.people) == 0 {
		lines = append(lines, "nothing could be scored")
	}
	return fit(lines, width)
}

// spark is how wide the sparkline of a summary is.
const spark = 24

func windows(n int) string {
	if n == 1 {
		return "1 window"
	}
	return fmt.Sprintf("%d windows", n)
}

// compress keeps so many values of a trail, evenly spread, the newest for sure.
func compress(trail []float64, n int) []float64 {
	if len(trail) <= n {
		return trail
	}
	kept := make([]float64, n)
	for i := range kept {
		kept[i] = trail[(i+1)*len(trail)/n-1]
	}
	return kept
}

// lost says which streams were missing, in what share of the windows, and why.
func (p *person) lost() string {
	var all []string
	for m, reasons := range p.missing {
		total := 0
		for _, n := range reasons {
			total += n
		}
		if total == 0 {
			continue
		}
		why := slices.Sorted(maps.Keys(reasons))
		slices.SortStableFunc(why, func(a, b ingest.Reason) int { return cmp.Compare(reasons[b], reasons[a]) })
		words := make([]string, len(why))
		for i, r := range why {
			words[i] = wording.Because(r)
		}
		all = append(all, fmt.Sprintf("%s %s (%s)", strings.ToLower(wording.Stream(ingest.Modality(m))),
			wording.Percent(float64(total)/float64(p.n)), strings.Join(words, ", ")))
	}
	return strings.Join(all, ", ")
}
