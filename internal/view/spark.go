package view

import (
	"math"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/mattn/go-runewidth"
)

// reach is the rolling value at the top of a sparkline: with a half-life of
// many windows it seldom goes further.
const reach = 0.4

// sparkline draws the newest values, as many as there is room for, oldest
// first, in the colours of their polarity.
func sparkline(trail []float64, room int, st styles) string {
	trail = trail[max(len(trail)-room, 0):]
	levels := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for i := 0; i < len(trail); {
		style := st.of(trail[i])
		var run strings.Builder
		for ; i < len(trail) && st.of(trail[i]).GetForeground() == style.GetForeground(); i++ {
			share := (min(max(trail[i]/reach, -1), 1) + 1) / 2
			run.WriteRune(levels[int(math.Round(share*float64(len(levels)-1)))])
		}
		b.WriteString(style.Render(run.String()))
	}
	return strings.Repeat(" ", room-len(trail)) + b.String()
}

// bar draws a share of so many cells, to an eighth of a cell.
func bar(share float64, cells int) string {
	eighths := int(math.Round(min(max(share, 0), 1) * float64(cells*8)))
	parts := []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}
	text := strings.Repeat("█", eighths/8) + parts[eighths%8]
	return text + strings.Repeat(" ", cells-lipgloss.Width(text))
}

// pad makes a text exactly so many columns wide.
func pad(text string, width int) string {
	return runewidth.FillRight(runewidth.Truncate(text, width, "…"), width)
}
