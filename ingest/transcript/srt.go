package transcript

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// What players draw and nobody says.
var srtMarkup = regexp.MustCompile(`(?i)</?(?:b|i|u|s|font)(?:\s[^<>]*)?>|\{\\[^{}]*\}`)

// srtTimings begin a cue; an arrow elsewhere is text.
var srtTimings = regexp.MustCompile(`^\s*\d.*-->`)

// parseSRT reads SubRip, which has no standard: a number, "start --> end", and
// text up to the next number. The number may be missing or be a word, and text
// may hold blank lines.
func parseSRT(lines []string) ([]cue, error) {
	var at []int // the lines with timings
	for i, line := range lines {
		if srtTimings.MatchString(line) {
			at = append(at, i)
		}
	}
	if len(at) == 0 && strings.TrimSpace(strings.Join(lines, "")) != "" {
		return nil, errors.New("it has no cue: a line such as 00:00:01,000 --> 00:00:02,500")
	}
	cues := make([]cue, len(at))
	for n, i := range at {
		c := &cues[n]
		c.where = fmt.Sprintf("the cue in line %d", i+1)
		var err error
		if c.start, c.end, err = parseTimings(lines[i], parseSRTTime); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if numbered(lines, i) {
			c.id = strings.TrimSpace(lines[i-1])
		}
		until := len(lines)
		if n+1 < len(at) {
			until = at[n+1]
			if numbered(lines, until) && until-1 > i {
				until--
			}
		}
		c.text = srtMarkup.ReplaceAllString(strings.Join(lines[i+1:until], "\n"), "")
	}
	return cues, nil
}

// numbered reports whether the line before the timings in line i is their id: a
// number, or whatever stands there behind a blank line.
func numbered(lines []string, i int) bool {
	if i == 0 || srtTimings.MatchString(lines[i-1]) {
		return false
	}
	blank := i == 1 || strings.TrimSpace(lines[i-2]) == ""
	return blank || strings.Trim(lines[i-1], "0123456789 \t") == ""
}

// parseSRTTime reads hh:mm:ss,ttt; a point for the comma is common.
func parseSRTTime(s string) (time.Duration, error) {
	bad := fmt.Errorf("%.40q is no time: write 00:01:02,345", s)
	clock, thousandths, _ := strings.Cut(strings.Replace(s, ",", ".", 1), ".")
	parts := strings.Split(clock, ":")
	if len(parts) != 3 || len(thousandths) > 3 {
		return 0, bad
	}
	return sum(bad, append(parts, (thousandths + "000")[:3]))
}
