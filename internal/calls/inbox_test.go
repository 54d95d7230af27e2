package calls

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
)

func TestAFullInboxShedsPicturesThenSoundAndNeverWords(t *testing.T) {
	var shed []ingest.Payload
	b := newInbox(func(s ingest.Sample) { shed = append(shed, s.Payload) })
	put := func(p ingest.Payload) { require.NoError(t, b.put(errand{sample: ingest.Sample{Payload: p}})) }
	word, mark, done := ingest.Segment{ID: "s1"}, ingest.End{}, 0
	put(word)
	put(mark)
	require.NoError(t, b.put(errand{do: func() { done++ }}))
	put(ingest.PCM{1})
	put(&ingest.Picture{Width: 1})
	for len(b.items) < inboxSize {
		put(ingest.PCM{2})
	}
	put(ingest.PCM{3})
	assert.Equal(t, []ingest.Payload{&ingest.Picture{Width: 1}}, shed, "a picture before any sound")
	put(ingest.PCM{4})
	assert.Equal(t, ingest.PCM{1}, shed[1], "then the oldest sound")
	for range 2 * inboxSize {
		put(word)
	}
	assert.Len(t, shed, inboxSize-3+2, "everything but a word, a mark and an errand has gone")
	for len(b.items) < 4*inboxSize {
		put(word)
	}
	require.ErrorIs(t, b.put(errand{sample: ingest.Sample{Payload: word}}), ingest.ErrFull, "but a flood is refused")
	require.NoError(t, b.put(errand{do: func() { done++ }}), "errands never are")
	items := b.take(nil)
	assert.Len(t, items, 4*inboxSize+1)
	assert.Equal(t, word, items[0].sample.Payload)
	assert.Equal(t, mark, items[1].sample.Payload)
	items[2].do()
	assert.Equal(t, word, items[4*inboxSize-1].sample.Payload)
	assert.Equal(t, 1, done)
}

func TestAnInboxThatIsClosedTakesNothing(t *testing.T) {
	b := newInbox(func(ingest.Sample) {})
	require.NoError(t, b.put(errand{sample: ingest.Sample{Payload: ingest.PCM{1}}}))
	assert.Len(t, b.close(), 1)
	require.ErrorIs(t, b.put(errand{sample: ingest.Sample{Payload: ingest.PCM{2}}}), ErrEnded)
}

func BenchmarkInbox(b *testing.B) {
	box := newInbox(func(ingest.Sample) {})
	var batch []errand
	b.ReportAllocs()
	for i := range b.N {
		if box.put(errand{sample: ingest.Sample{Payload: ingest.Progress{}}}) != nil {
			b.Fatal("full")
		}
		if i%8 == 7 {
			batch = box.take(batch)
		}
	}
}
