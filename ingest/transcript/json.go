package transcript

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
	Start   *time.Time `json:"start"`
	End     *time.Time `json:"end"`
	StartMs *float64   `json:"start_ms"`
	EndMs   *float64   `json:"end_ms"`
}

// parseJSON reads one segment or a list of them. Segments that say that they are
// not final are drafts of others, and left out.
func parseJSON(data []byte, zero time.Time) ([]cue, error) {
	list := make([]jsonSegment, 1)
	var into any = &list
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		into = &list[0]
	}
	if err := json.Unmarshal(data, into); err != nil {
		return nil, explain(data, err)
	}
	cues := make([]cue, 0, len(list))
	for i, s := range list {
		if s.Final != nil && !*s.Final {
			continue
		}
		c := cue{where: fmt.Sprintf("segment %d", i+1), id: s.ID, text: s.Text}
		var err error
		if c.start, c.end, err = s.since(zero); err != nil {
			return nil, fmt.Errorf("%s: %w", c.where, err)
		}
		for j, w := range s.Words {
			from, to, err := w.since(zero)
			if err != nil {
				return nil, fmt.Errorf("%s, word %d: %w", c.where, j+1, err)
			}
			c.words = append(c.words, spoken{w.Text, from, to})
		}
		cues = append(cues, c)
	}
	return cues, nil
}

// since gives the times since the zero.
func (t jsonTimes) since(zero time.Time) (start, end time.Duration, err error) {
	const longest = 1e12 // ms: longer than anything that check lets pass, and no overflow
	milliseconds := func(f float64) time.Duration {
		return time.Duration(min(max(f, -longest), longest) * float64(time.Millisecond))
	}
	switch {
	case t.Start != nil && t.End != nil:
		return t.Start.Sub(zero), t.End.Sub(zero), nil
	case t.StartMs != nil && t.EndMs != nil:
		return milliseconds(*t.StartMs), milliseconds(*t.EndMs), nil
	default:
		return 0, 0, errors.New("no times: give start and end, or start_ms and end_ms")
	}
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
