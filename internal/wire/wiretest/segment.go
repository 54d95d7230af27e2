package wiretest

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/transcript"
)

// Segments of a transcript whose zero is the time given.
func Segments(tb testing.TB, path string, zero time.Time) []ingest.Segment {
	tb.Helper()
	f, err := os.Open(path) //nolint:gosec // G304: a transcript that a test names
	require.NoError(tb, err)
	defer func() { require.NoError(tb, f.Close()) }()
	segments, err := transcript.Read(path, f, zero)
	require.NoError(tb, err)
	return segments
}

// Spelled is a segment as a client sends it, by HTTP or a data channel.
func Spelled(tb testing.TB, s ingest.Segment) string {
	tb.Helper()
	type word struct {
		Text  string    `json:"text"`
		Start time.Time `json:"start"`
		End   time.Time `json:"end"`
	}
	words := make([]word, len(s.Words))
	for i, w := range s.Words {
		words[i] = word(w)
	}
	text, err := json.Marshal(map[string]any{"id": s.ID, "text": s.Text, "start": s.Start, "end": s.End, "words": words})
	require.NoError(tb, err)
	return string(text)
}
