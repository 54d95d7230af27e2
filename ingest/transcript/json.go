package transcript

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// jsonSegment is one segment as the HTTP interface takes it. Fields that are not
// known are ignored.
type jsonSegment struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	jsonTimes
	Final *bool      `json:"final"`
	Words []jsonWord `json:"words"`
}

type jsonWord struct {
	Text string `json:"text"`
	jsonTimes
}

// jsonTimes are either times of day or milliseconds since the zero.
type jsonTimes struct {
	Start   *string  `json:"start"`
	End     *string  `json:"end"`
	StartMs *float64 `json:"start_ms"`
	EndMs   *float64 `json:"end_ms"`
}

// decodeJSON takes one segment for a list of one.
func decodeJSON(data []byte) ([]jsonSegment, error) {
	list := make([]jsonSegment, 1)
	var into any = &list
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		into = &list[0]
	}
	if err := json.Unmarshal(data, into); err != nil {
		return nil, explain(data, err)
	}
	return list, nil
}

// parseJSON reads one segment or a list of them. Segments that say that they are
// not final are drafts of others, and left out.
func parseJSON(data []byte, zero time.Time) ([]cue, error) {
	list, err := decodeJSON(data)
	if err != nil {
		return nil, err
	}
	cues := make([]cue, 0, len(list))
	for i, s := range list {
		if s.Final != nil && !*s.Final {
			continue
		}
		c := cue{where: fmt.Sprintf("segment %d", i+1), id: s.ID, text: s.Text}
		if c.start, c.end, err = s.since(zero); err != nil {
			return nil, fmt.Errorf("%s: %w", c.where, err)
		}
		for j, w := range s.Words {
			from, to, err := w.since(zero)
			if err != nil {
				return nil, fmt.Errorf("%s, word %d: %w", c.where, j+1, err)
			}
			if text := strings.TrimSpace(w.Text); text != "" {
				c.words = append(c.words, spoken{text, from, to})
			}
		}
		cues = append(cues, c)
	}
	return cues, nil
}

// moments gives the times as they are stated; either both are times of day or
// none.
func (t jsonTimes) moments() (start, end moment, err error) {
	const longest = 1e12 // ms: longer than anything that the checks let pass, and no overflow
	milliseconds := func(f float64) moment {
		return moment{since: time.Duration(min(max(f, -longest), longest) * float64(time.Millisecond))}
	}
	switch {
	case t.Start != nil && t.End != nil:
		if start, err = parseMoment(*t.Start); err == nil {
			end, err = parseMoment(*t.End)
		}
		return start, end, err
	case t.StartMs != nil && t.EndMs != nil:
		return milliseconds(*t.StartMs), milliseconds(*t.EndMs), nil
	default:
		return moment{}, moment{}, errors.New("no times: give start and end, or start_ms and end_ms")
	}
}

// parseMoment reads a time of day.
func parseMoment(s string) (moment, error) {
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil {
		return moment{}, fmt.Errorf("%.40q is no time of day: write 2026-01-02T15:04:05.678Z (RFC 3339)", s)
	}
	return moment{at: t, absolute: true}, nil
}

// since gives the times since the zero.
func (t jsonTimes) since(zero time.Time) (start, end time.Duration, err error) {
	from, to, err := t.moments()
	return from.after(zero), to.after(zero), err
}

// explain says where in the file the mistake is.
func explain(data []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	offset := int64(-1)
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	if offset < 0 || offset > int64(len(data)) {
		return err
	}
	return fmt.Errorf("line %d: %w", bytes.Count(data[:offset], []byte("\n"))+1, err)
}
