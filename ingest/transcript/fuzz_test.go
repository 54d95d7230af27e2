package transcript

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
)

func FuzzTranscript(f *testing.F) {
	names := []string{"x.vtt", "x.srt", "x.json"}
	for i, name := range names {
		data, err := os.ReadFile(filepath.Join("testdata", "two-cues"+filepath.Ext(name)))
		require.NoError(f, err)
		f.Add(uint8(i), data)
	}
	f.Add(uint8(0), []byte("WEBVTT\n\n-->\n\n00:00.000 --> 99:99.999\n<00:00.000"))
	f.Add(uint8(1), []byte("0:0:0,0-->0:0:0,0"))
	f.Add(uint8(2), []byte(`{"start_ms":-1e999}`))
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		segments, err := Read(names[int(kind)%len(names)], bytes.NewReader(data), origin)
		if err != nil {
			require.ErrorIs(t, err, ingest.ErrTranscript)
			return
		}
		ids := map[string]bool{}
		last := origin
		for _, s := range segments {
			require.NotEmpty(t, s.ID)
			require.False(t, ids[s.ID], "id %q twice", s.ID)
			require.Empty(t, strings.Trim(s.ID, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%"))
			ids[s.ID] = true
			require.True(t, s.Final)
			require.NotEmpty(t, s.Text)
			require.False(t, s.Start.Before(last), "out of order")
			require.True(t, s.Start.Before(s.End))
			require.LessOrEqual(t, s.End.Sub(origin), MaxDuration+1e6)
			last = s.Start
			from := s.Start
			for _, w := range s.Words {
				require.NotEmpty(t, w.Text)
				require.False(t, w.Start.Before(from))
				require.False(t, w.End.Before(w.Start))
				require.False(t, w.End.After(s.End))
				from = w.Start
			}
		}
	})
}
