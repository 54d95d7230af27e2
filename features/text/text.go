// Package text turns a transcript into token vectors that carry the time of
// their word.
//
// A segment is encoded once, as a whole, and not once for each window that
// overlaps it: the encoder sees the sentence, a window sees the words spoken in
// it. The network comes in as a features.TextEncoder.
package text

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

const (
	// Dim is the length of a token vector.
	Dim = 384
	// maxLen is how many tokens a window may hold.
	maxLen = 64
	// maxPieces is how many word pieces are encoded at once; with [CLS] and
	// [SEP] they make the 128 that the encoder takes.
	maxPieces = 126
	// maxWords bounds a segment: more than a quarter of an hour without a break.
	maxWords = 4096
	// kept is how many encoded segments are remembered, so that a recogniser may
	// repeat one without cost: about what is said in the minute or so for which
	// the aligner holds the same vectors.
	kept = 32
)

// ErrPayload says that a Sample holds something that a transcript cannot.
var ErrPayload = errors.New("payload does not belong to a transcript")

// ErrLong says that a segment has too many words to be one.
var ErrLong = errors.New("transcript segment too long")

// Spec describes the vectors for the feature contract.
func Spec(nets ...string) features.Spec {
	return features.Spec{Extractor: "wordpiece-uncased-segment126/1", Dim: Dim, MaxLen: maxLen, Nets: nets}
}

// Extractor implements features.Extractor for the transcript of a participant.
type Extractor struct {
	tokenizer *Tokenizer
	encoder   features.TextEncoder

	ids    []int64 // of the segment in progress, without specials; reused
	owner  []int   // the word to which each id belongs; reused
	chunk  []int64 // what is encoded at once; reused
	memory [kept]memory
	oldest int
}

// memory is a segment that was encoded: the same pieces have the same vectors.
type memory struct {
	ids     []int64
	vectors [][]float32
}

// New returns an Extractor for one track.
func New(tokenizer *Tokenizer, encoder features.TextEncoder) *Extractor {
	return &Extractor{tokenizer: tokenizer, encoder: encoder}
}

// Extract takes Segment, Gap, Progress and End.
func (x *Extractor) Extract(s ingest.Sample, emit func(features.Unit)) error {
	switch p := s.Payload.(type) {
	case ingest.Segment:
		return x.segment(s, p, emit)
	case ingest.Gap:
		emit(features.Mark{Modality: ingest.Text, Time: p.End, Reason: p.Reason})
	case ingest.Progress:
		emit(features.Mark{Modality: ingest.Text, Time: s.Time})
	case ingest.End:
		emit(features.Mark{Modality: ingest.Text, Time: s.Time, Reason: p.Reason, End: true})
	default:
		return fmt.Errorf("%w: %T at %s", ErrPayload, s.Payload, s.Time.Format(time.RFC3339Nano))
	}
	return nil
}

func (x *Extractor) segment(s ingest.Sample, p ingest.Segment, emit func(features.Unit)) error {
	words := wordsOf(p)
	if len(words) > maxWords {
		return fmt.Errorf("%w: %s has %d words, at most %d make one segment; split it", ErrLong, p.ID, len(words), maxWords)
	}
	x.ids, x.owner = x.ids[:0], x.owner[:0]
	for i, w := range words {
		x.ids = x.tokenizer.Append(x.ids, w.text)
		for len(x.owner) < len(x.ids) {
			x.owner = append(x.owner, i)
		}
	}
	vectors, err := x.encode()
	if err != nil {
		return fmt.Errorf("segment %s: %w", p.ID, err)
	}
	out := features.Segment{
		ID: p.ID, Start: p.Start, End: p.End, Final: p.Final, Clock: s.Clock, Receipt: s.Receipt,
		Tokens: make([]features.Vector, len(vectors)),
	}
	if len(vectors) > 0 {
		out.Words = spoken(p, words)
	}
	for i, v := range vectors {
		at := words[x.owner[i]].Interval
		out.Tokens[i] = features.Vector{Modality: ingest.Text, Start: at.Start, End: at.End, Values: v, Clock: s.Clock}
	}
	s.Receipt.Retain()
	emit(out)
	return nil
}

// spoken returns the intervals that count for coverage.
func spoken(p ingest.Segment, words []word) []features.Interval {
	if len(p.Words) == 0 {
		return []features.Interval{{Start: p.Start, End: p.End}}
	}
	intervals := make([]features.Interval, len(words))
	for i, w := range words {
		intervals[i] = w.Interval
	}
	return intervals
}

// encode returns the vectors of x.ids. What does not fit the encoder at once is
// cut, between words where one begins in time.
func (x *Extractor) encode() ([][]float32, error) {
	for i := range x.memory {
		if m := &x.memory[i]; m.vectors != nil && slices.Equal(m.ids, x.ids) {
			return m.vectors, nil
		}
	}
	vectors := make([][]float32, 0, len(x.ids))
	for from := 0; from < len(x.ids); {
		to := x.cut(from)
		x.chunk = append(append(append(x.chunk[:0], x.tokenizer.cls), x.ids[from:to]...), x.tokenizer.sep)
		values := make([]float32, len(x.chunk)*Dim)
		if err := x.encoder.EncodeTokens(x.chunk, values); err != nil {
			return nil, err
		}
		for i := 1; i < len(x.chunk)-1; i++ {
			vectors = append(vectors, values[i*Dim:(i+1)*Dim:(i+1)*Dim])
		}
		from = to
	}
	x.memory[x.oldest] = memory{ids: slices.Clone(x.ids), vectors: vectors}
	x.oldest = (x.oldest + 1) % kept
	return vectors, nil
}

// cut returns where the chunk that begins at from ends.
func (x *Extractor) cut(from int) int {
	if len(x.ids)-from <= maxPieces {
		return len(x.ids)
	}
	to := from + maxPieces
	for to > from && x.owner[to] == x.owner[to-1] {
		to--
	}
	if to == from { // one word fills the whole chunk
		return from + maxPieces
	}
	return to
}
