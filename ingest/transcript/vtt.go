package transcript

import (
	"errors"
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const arrow = "-->"

// parseVTT reads WebVTT (W3C, section 6.1, "WebVTT file parsing"), but that a
// cue with broken timings is an error and not left out.
func parseVTT(lines []string) ([]cue, error) {
	if sign := lines[0]; sign != "WEBVTT" && !strings.HasPrefix(sign, "WEBVTT ") && !strings.HasPrefix(sign, "WEBVTT\t") {
		return nil, errors.New(`line 1 is not "WEBVTT"`)
	}
	var cues []cue
	for i := textEnd(lines, 1); i < len(lines); { // behind the header
		if lines[i] == "" {
			i++
			continue
		}
		// A block: its first or second line may be the timings; comments, styles
		// and regions have none.
		timings, id := i, ""
		if i+1 < len(lines) && !isTimings(lines[i]) && isTimings(lines[i+1]) {
			timings, id = i+1, lines[i]
		}
		i = textEnd(lines, timings+1)
		if !isTimings(lines[timings]) {
			continue
		}
		c := cue{where: fmt.Sprintf("the cue in line %d", timings+1), id: strings.TrimSpace(id)}
		var err error
		if c.start, c.end, err = parseTimings(lines[timings], parseVTTTime); err != nil {
			return nil, fmt.Errorf("line %d: %w", timings+1, err)
		}
		c.text, c.words = parseCueText(strings.Join(lines[timings+1:i], "\n"), c.start, c.end)
		cues = append(cues, c)
	}
	return cues, nil
}

func isTimings(line string) bool { return strings.Contains(line, arrow) }

// textEnd is the first line from i on that does not go on with a block's text.
func textEnd(lines []string, i int) int {
	for i < len(lines) && lines[i] != "" && !isTimings(lines[i]) {
		i++
	}
	return i
}

// parseTimings reads "start --> end", with or without settings behind.
func parseTimings(line string, parse func(string) (time.Duration, error)) (start, end time.Duration, err error) {
	before, after, _ := strings.Cut(line, arrow)
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return 0, 0, fmt.Errorf("no time behind %s", arrow)
	}
	if start, err = parse(strings.TrimSpace(before)); err != nil {
		return 0, 0, err
	}
	end, err = parse(fields[0])
	return start, end, err
}

// parseVTTTime reads [hh...:]mm:ss.ttt.
func parseVTTTime(s string) (time.Duration, error) {
	bad := fmt.Errorf("%.40q is no time: write 00:01:02.345", s)
	clock, thousandths, ok := strings.Cut(s, ".")
	parts := strings.Split(clock, ":")
	if !ok || len(thousandths) != 3 || len(parts) < 2 || len(parts) > 3 {
		return 0, bad
	}
	for _, p := range parts[len(parts)-2:] {
		if len(p) != 2 || p > "59" {
			return 0, bad
		}
	}
	return sum(bad, append(parts, thousandths))
}

// sum adds hours (where there are four parts), minutes, seconds and thousandths.
func sum(bad error, parts []string) (time.Duration, error) {
	units := []time.Duration{time.Hour, time.Minute, time.Second, time.Millisecond}
	var total time.Duration
	for i, unit := range units[len(units)-len(parts):] {
		n, err := strconv.ParseUint(parts[i], 10, 16)
		if err != nil {
			return 0, bad
		}
		total += time.Duration(n) * unit
	}
	return total, nil
}

// piece is text that begins at a time stamp.
type piece struct {
	at   time.Duration
	text string
}

// parseCueText takes out the tags and reads the time stamps between the words
// (W3C, section 6.4, "WebVTT cue text parsing rules"). Time stamps that run
// backwards or leave the cue are ignored, as there.
func parseCueText(s string, start, end time.Duration) (string, []spoken) {
	pieces := []piece{{at: start}}
	for s != "" {
		last := &pieces[len(pieces)-1]
		text, rest, tag := strings.Cut(s, "<")
		last.text += html.UnescapeString(text)
		if !tag {
			break
		}
		var name string
		name, s, _ = strings.Cut(rest, ">")
		if at, err := parseVTTTime(name); err == nil && at >= last.at && at <= end {
			pieces = append(pieces, piece{at: at})
		}
	}
	var text strings.Builder
	for _, p := range pieces {
		text.WriteString(p.text)
	}
	if len(pieces) == 1 {
		return text.String(), nil
	}
	return text.String(), timedWords(pieces, end)
}

// timedWords gives each word the time from its stamp to the next; words without
// a stamp of their own share it by length. A stamp inside a word is no border.
func timedWords(pieces []piece, end time.Duration) []spoken {
	var words []spoken
	open := false // the text so far ends inside a word
	for i, p := range pieces {
		until := end
		if i+1 < len(pieces) {
			until = pieces[i+1].at
		}
		fields := strings.Fields(p.text)
		first, _ := utf8.DecodeRuneInString(p.text)
		if open && p.text != "" && !unicode.IsSpace(first) {
			words[len(words)-1].text += fields[0]
			words[len(words)-1].end = until
			fields = fields[1:]
		}
		total := 0
		for _, f := range fields {
			total += utf8.RuneCountInString(f)
		}
		at, said := p.at, 0
		for _, f := range fields {
			said += utf8.RuneCountInString(f)
			next := p.at + (until-p.at)*time.Duration(said)/time.Duration(total)
			words = append(words, spoken{f, at, next})
			at = next
		}
		if p.text != "" {
			tail, _ := utf8.DecodeLastRuneInString(p.text)
			open = len(words) > 0 && !unicode.IsSpace(tail)
		}
	}
	return words
}
