package text_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/text"
	"github.com/valence-live/valence/ingest"
)

// fake writes the id of each token into its vector and remembers the calls.
type fake struct{ calls [][]int64 }

func (f *fake) EncodeTokens(ids []int64, vectors []float32) error {
	f.calls = append(f.calls, append([]int64(nil), ids...))
	for i, id := range ids {
		vectors[i*text.Dim] = float32(id)
	}
	return nil
}

func at(seconds float64) time.Time {
	return time.Unix(0, 0).UTC().Add(time.Duration(seconds * float64(time.Second)))
}

func sample(p ingest.Payload) ingest.Sample {
	return ingest.Sample{Time: at(0), Payload: p, Clock: ingest.Clock{Source: ingest.ClockContainer}}
}

func extract(tb testing.TB, x *text.Extractor, p ingest.Payload) features.Unit {
	tb.Helper()
	var units []features.Unit
	require.NoError(tb, x.Extract(sample(p), func(u features.Unit) { units = append(units, u) }))
	require.Len(tb, units, 1)
	return units[0]
}

func segment(tb testing.TB, x *text.Extractor, s ingest.Segment) features.Segment {
	tb.Helper()
	out, ok := extract(tb, x, s).(features.Segment)
	require.True(tb, ok)
	return out
}

// values are the ids that fake wrote into the vectors.
func values(tokens []features.Vector) []float32 {
	var ids []float32
	for _, token := range tokens {
		ids = append(ids, token.Values[0])
	}
	return ids
}

func TestEachTokenCarriesTheTimeOfItsWord(t *testing.T) {
	x := text.New(tokenizer(t), &fake{})
	out := segment(t, x, ingest.Segment{ID: "1", Start: at(0), End: at(3), Words: []ingest.Word{
		{Text: "unbelievably", Start: at(0.2), End: at(1)}, {Text: "good.", Start: at(2), End: at(2.5)},
	}})
	last := len(out.Tokens) - 2 // "good" and "."
	require.Positive(t, last)
	for i, token := range out.Tokens {
		if i < last {
			assert.Equal(t, features.Interval{Start: at(0.2), End: at(1)}, features.Interval{Start: token.Start, End: token.End}, i)
		} else {
			assert.Equal(t, features.Interval{Start: at(2), End: at(2.5)}, features.Interval{Start: token.Start, End: token.End}, i)
		}
	}
	assert.Equal(t, []features.Interval{{Start: at(0.2), End: at(1)}, {Start: at(2), End: at(2.5)}}, out.Words)
}

func TestWordsWithoutTimesAreSpreadOverTheSegment(t *testing.T) {
	x := text.New(tokenizer(t), &fake{})
	out := segment(t, x, ingest.Segment{ID: "1", Start: at(10), End: at(20), Text: "it was good"})
	require.Equal(t, 3, len(out.Tokens)) //nolint:testifylint // Len would print every vector
	assert.Equal(t, at(10), out.Tokens[0].Start)
	assert.Equal(t, at(12.5), out.Tokens[0].End, "3 of 12 characters")
	assert.InDelta(t, 10+10*7./12, out.Tokens[2].Start.Sub(at(0)).Seconds(), 1e-6)
	assert.Equal(t, at(20), out.Tokens[2].End)
	assert.Equal(t, []features.Interval{{Start: at(10), End: at(20)}}, out.Words)
}

func TestASegmentIsEncodedOnceHoweverOftenItIsSent(t *testing.T) {
	encoder := &fake{}
	x := text.New(tokenizer(t), encoder)
	first := segment(t, x, ingest.Segment{ID: "1", Start: at(0), End: at(1), Text: "so far so good"})
	again := segment(t, x, ingest.Segment{ID: "1", Start: at(0), End: at(2), Text: "so far so good", Final: true})
	assert.Len(t, encoder.calls, 1)
	assert.Equal(t, first.Tokens[3].Values, again.Tokens[3].Values)
	assert.Equal(t, at(2), again.Tokens[3].End, "its times may have changed")
	segment(t, x, ingest.Segment{ID: "1", Start: at(0), End: at(2), Text: "so far so bad", Final: true})
	assert.Len(t, encoder.calls, 2)
}

func TestApostrophesAreDroppedOfEveryKind(t *testing.T) {
	x := text.New(tokenizer(t), &fake{})
	want := segment(t, x, ingest.Segment{Text: "dont", End: at(1)})
	for _, spelled := range []string{"don't", "don\u2019t", "don\u2018t", "don\u02bct", "don\uff07t", "DON'T"} {
		got := segment(t, x, ingest.Segment{Text: spelled, End: at(1)}).Tokens
		assert.Equal(t, values(want.Tokens), values(got), spelled)
	}
}

func TestALongSegmentIsEncodedInPiecesCutBetweenWords(t *testing.T) {
	encoder := &fake{}
	x := text.New(tokenizer(t), encoder)
	out := segment(t, x, ingest.Segment{ID: "1", End: at(60), Text: strings.Repeat("unbelievably ", 100)})
	per := len(out.Tokens) / 100
	require.Greater(t, per, 1)
	total := 0
	for _, call := range encoder.calls {
		assert.LessOrEqual(t, len(call), 128)
		assert.EqualValues(t, 101, call[0])
		assert.EqualValues(t, 102, call[len(call)-1])
		assert.Zero(t, (len(call)-2)%per, "a word was cut")
		total += len(call) - 2
	}
	assert.Equal(t, len(out.Tokens), total)
}

func TestOneWordLongerThanTheEncoderIsCutAndNotLost(t *testing.T) {
	encoder := &fake{}
	x := text.New(tokenizer(t), encoder)
	out := segment(t, x, ingest.Segment{ID: "1", End: at(60), Text: strings.Repeat("!", 300)})
	assert.Equal(t, 300, len(out.Tokens)) //nolint:testifylint // Len would print every vector
	assert.Len(t, encoder.calls, 3)
}

func TestTokensOfTheWordsAreTokensOfTheText(t *testing.T) {
	tokens := tokenizer(t)
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringOf(rapid.RuneFrom([]rune("aéB \t\u00a0.,!-天\u0301\u200d😀[]'9"))).Draw(t, "line")
		var words []int64
		for field := range strings.FieldsSeq(line) {
			words = tokens.Append(words, field)
		}
		assert.Equal(t, tokens.Append(nil, line), words)
	})
}

func TestASegmentWithoutWordsReplacesAndHoldsNothing(t *testing.T) {
	encoder := &fake{}
	out := segment(t, text.New(tokenizer(t), encoder), ingest.Segment{ID: "1", End: at(1), Text: " \u200b ", Final: true})
	assert.Empty(t, out.Tokens)
	assert.Empty(t, encoder.calls, "there is nothing to encode")
}

func TestGapProgressAndEndBecomeMarks(t *testing.T) {
	x := text.New(tokenizer(t), &fake{})
	assert.Equal(t, features.Mark{Modality: ingest.Text, Time: at(5), Reason: ingest.ReasonPolicy}, extract(t, x, ingest.Gap{End: at(5), Reason: ingest.ReasonPolicy}))
	assert.Equal(t, features.Mark{Modality: ingest.Text, Time: at(0)}, extract(t, x, ingest.Progress{}))
	assert.Equal(t, features.Mark{Modality: ingest.Text, Time: at(0), End: true}, extract(t, x, ingest.End{}))
	err := x.Extract(sample(ingest.PCM{}), func(features.Unit) {})
	require.ErrorIs(t, err, text.ErrPayload)
}

func TestASegmentOfAbsurdLengthIsAnError(t *testing.T) {
	x := text.New(tokenizer(t), &fake{})
	err := x.Extract(sample(ingest.Segment{ID: "all", Text: strings.Repeat("a ", 5000)}), func(features.Unit) {})
	require.ErrorIs(t, err, text.ErrLong)
	require.ErrorContains(t, err, "all has 5000 words")
}

func TestTheReceiptIsHeldByTheSegmentAlone(t *testing.T) {
	released := false
	receipt := ingest.NewReceipt(func() { released = true })
	s := sample(ingest.Segment{ID: "1", End: at(1), Text: "hello there"})
	s.Receipt = receipt
	var out features.Segment
	require.NoError(t, text.New(tokenizer(t), &fake{}).Extract(s, func(u features.Unit) { out, _ = u.(features.Segment) }))
	receipt.Release()
	assert.False(t, released)
	out.Receipt.Release()
	assert.True(t, released)
}
