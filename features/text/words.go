package text

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// word is one word to encode and when it was spoken.
type word struct {
	text string
	features.Interval
}

// wordsOf returns the words of a segment: the timed ones if there are any (they
// win where they differ from the text), else the text split at white space and
// spread over the segment, each word as long as its share of the characters.
func wordsOf(s ingest.Segment) []word {
	if len(s.Words) > 0 {
		words := make([]word, len(s.Words))
		for i, w := range s.Words {
			words[i] = word{text: plain(w.Text), Interval: features.Interval{Start: w.Start, End: latest(w.Start, w.End)}}
		}
		return words
	}
	fields := strings.Fields(s.Text)
	words := make([]word, len(fields))
	total := 0
	for _, f := range fields {
		total += utf8.RuneCountInString(f) + 1
	}
	length := s.End.Sub(s.Start)
	at, passed := s.Start, 0
	for i, f := range fields {
		passed += utf8.RuneCountInString(f) + 1
		// In floating point, since length x passed may not fit into 64 bits of nanoseconds.
		end := s.Start.Add(time.Duration(float64(length) * (float64(passed) / float64(total))))
		words[i] = word{text: plain(f), Interval: features.Interval{Start: at, End: end}}
		at = end
	}
	return words
}

func latest(a, b time.Time) time.Time {
	if b.Before(a) {
		return a
	}
	return b
}

// apostrophes are dropped before the tokenizer, in training as here: half of
// the transcripts that people have carry none.
var apostrophes = strings.NewReplacer("'", "", "\u2019", "", "\u2018", "", "\u02bc", "", "\uff07", "")

// plain returns a word as the encoder was trained to read it.
func plain(text string) string { return apostrophes.Replace(text) }
