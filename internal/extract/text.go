package extract

import (
	"fmt"
	"strings"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// text returns the rows of a text, whose words are spread over its time as those
// of a cue without word times.
func (t *track) text(item Item) (rows, error) {
	origin := t.now // stays: texts have times of their own
	spread, err := t.encode(ingest.Segment{
		ID: item.ID, Text: item.Text, Start: origin.Add(item.Start), End: origin.Add(item.End), Final: true,
	})
	if err != nil {
		return rows{}, err
	}
	// A token tells its word only by the time of it. So the words are sent again,
	// each at a time that is its number; the extractor remembers the vectors.
	numbered := ingest.Segment{ID: item.ID, Text: item.Text, Start: origin, End: origin, Final: true}
	for i, word := range strings.Fields(item.Text) {
		at := origin.Add(time.Duration(i) * time.Second)
		numbered.Words = append(numbered.Words, ingest.Word{Text: word, Start: at, End: at})
	}
	counted, err := t.encode(numbered)
	if err != nil {
		return rows{}, err
	}
	if len(counted) != len(spread) {
		return rows{}, fmt.Errorf("%d tokens with word times, %d without", len(counted), len(spread))
	}
	var r rows
	for i, token := range spread {
		r.values = append(r.values, token.Values...)
		r.mask = append(r.mask, 1)
		r.start = append(r.start, token.Start.Sub(origin).Seconds())
		r.end = append(r.end, token.End.Sub(origin).Seconds())
		r.word = append(r.word, int32(counted[i].Start.Sub(origin)/time.Second)) //nolint:gosec // a text has few words
	}
	return r, nil
}

// encode returns the tokens of a segment.
func (t *track) encode(s ingest.Segment) ([]features.Vector, error) {
	var tokens []features.Vector
	err := t.send(s.Start, s, func(u features.Unit) {
		if encoded, ok := u.(features.Segment); ok {
			tokens = encoded.Tokens
		}
	})
	return tokens, err
}
