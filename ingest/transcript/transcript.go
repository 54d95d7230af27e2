// Package transcript reads what was said: WebVTT, SubRip and the JSON of the
// HTTP interface become ingest.Segments. Read takes the transcript of a
// recording, ParseLive one message of a live call. Nothing here does I/O or
// knows what time it is.
package transcript

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/valence-live/valence/ingest"
)

// MaxDuration is where a recording must have ended, as for its media.
const MaxDuration = 24 * time.Hour

const (
	// maxFile bounds a transcript file, in bytes: a day of speech is about 2 MB.
	maxFile = 64 << 20
	// maxCueID bounds a segment id, in bytes: it becomes part of keys in every sink.
	maxCueID = 128
)

// cue is a segment as a file gives it: times since the file's zero.
type cue struct {
	where      string // for errors: "line 12", "segment 3"
	id         string // as written; empty for none
	start, end time.Duration
	text       string
	words      []spoken // empty if the file has no times for them
}

// spoken is one word and when it was said.
type spoken struct {
	text       string
	start, end time.Duration
}

// Read reads the .vtt, .srt or .json transcript of a recording, by the extension
// of its name. zero is the capture time of the recording's zero.
//
// The segments are final and in order of their start; those without a word are
// left out. Ids are kept, percent-encoded where RFC 3986 reserves a character,
// and made unique: the second "a" becomes "a-2", the first without one "-1".
// The error wraps ingest.ErrTranscript where the transcript is at fault, and
// names the file and the line or segment.
func Read(name string, r io.Reader, zero time.Time) ([]ingest.Segment, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	var named *fs.PathError
	switch {
	case errors.As(err, &named) && named.Path == name:
		return nil, err // it says "read" and the name itself
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%w: %s is longer than %d MB; cut it", ingest.ErrTranscript, name, maxFile>>20)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: %s, line %d is not UTF-8; convert it, for instance with iconv", ingest.ErrTranscript, name, lineOfInvalid(data))
	}
	var cues []cue
	switch strings.ToLower(filepath.Ext(name)) {
	case ".vtt":
		cues, err = parseVTT(lines(data))
	case ".srt":
		cues, err = parseSRT(lines(data))
	case ".json":
		cues, err = parseJSON(data, zero)
	default:
		err = errors.New("its name ends neither in .vtt nor .srt nor .json")
	}
	if err == nil {
		err = check(cues)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ingest.ErrTranscript, name, err)
	}
	return segments(cues, zero), nil
}

// lines splits at CR LF, LF and CR.
func lines(data []byte) []string {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func lineOfInvalid(data []byte) int {
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) {
			return i + 1
		}
	}
	return 0
}

// check refuses times that cannot be meant and brings words into their cue.
func check(cues []cue) error {
	for i := range cues {
		c := &cues[i]
		switch {
		case c.start < 0:
			return fmt.Errorf("%s begins %s before the recording; give the time of its beginning by --start", c.where, -c.start)
		case c.end > MaxDuration:
			return fmt.Errorf("%s ends %s into the recording, more than %s; is it of another recording, or --start wrong?", c.where, c.end, MaxDuration)
		case c.end < c.start:
			return fmt.Errorf("%s ends before it begins", c.where)
		case c.end == c.start:
			c.end += time.Millisecond // some recognisers do that
		}
		from := c.start
		for j := range c.words {
			w := &c.words[j]
			w.start = min(max(w.start, from), c.end)
			w.end = min(max(w.end, w.start), c.end)
			from = w.start
		}
	}
	return nil
}

// segments finishes the cues: ids, order, absolute times.
func segments(cues []cue, zero time.Time) []ingest.Segment {
	cues = slices.DeleteFunc(cues, func(c cue) bool { return strings.TrimSpace(c.text) == "" && len(c.words) == 0 })
	ids := uniqueIDs(cues)
	out := make([]ingest.Segment, len(cues))
	for i, c := range cues {
		text := strings.Fields(c.text)
		for _, w := range c.words {
			if c.text == "" {
				text = append(text, w.text)
			}
			out[i].Words = append(out[i].Words, ingest.Word{Text: w.text, Start: zero.Add(w.start), End: zero.Add(w.end)})
		}
		out[i].ID, out[i].Start, out[i].End = ids[i], zero.Add(c.start), zero.Add(c.end)
		out[i].Text, out[i].Final = strings.Join(text, " "), true
	}
	slices.SortStableFunc(out, func(a, b ingest.Segment) int { return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End)) })
	return out
}

// uniqueIDs gives each cue an id of its own. One that a file states is never
// made up for another cue.
func uniqueIDs(cues []cue) []string {
	stated := make(map[string]bool, len(cues))
	for _, c := range cues {
		stated[encodeID(c.id, maxCueID)] = true
	}
	ids, uses := make([]string, len(cues)), make(map[string]int, len(cues))
	for i, c := range cues {
		id := encodeID(c.id, maxCueID)
		if uses[id]++; id != "" && uses[id] == 1 {
			ids[i] = id
			continue
		}
		for {
			ids[i] = id + "-" + strconv.Itoa(uses[id])
			if !stated[ids[i]] {
				break
			}
			uses[id]++
		}
		stated[ids[i]] = true
	}
	return ids
}

// encodeID keeps the unreserved characters of RFC 3986, section 2.3, and writes
// every other byte as %XX. What is longer than that many bytes is cut; uniqueIDs
// tells those apart that are the same by that.
func encodeID(id string, longest int) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		switch {
		case b.Len() > longest-3:
			return b.String()
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
