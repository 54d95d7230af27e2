package codec_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

func FuzzMedia(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	require.NoError(f, err)
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		if len(data) < 10_000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, track := range []ingest.Modality{ingest.Audio, ingest.Video} {
			d, err := codec.NewDecoder(ctx, bytes.NewReader(data), "fuzz", track, quiet)
			if err != nil {
				requireKnown(t, err)
				continue
			}
			exhaust(ctx, t, d)
			require.NoError(t, d.Close())
		}
	})
}

// exhaust decodes to the end and checks what every file must keep to.
func exhaust(ctx context.Context, t *testing.T, d *codec.Decoder) {
	t.Helper()
	last, ended := zero, false
	for {
		u, err := d.Next(ctx)
		if err != nil {
			require.True(t, ended, "no End before %v", err)
			requireKnown(t, err)
			return
		}
		require.False(t, ended, "a unit behind the End")
		require.False(t, u.Time.Before(last), "time ran backwards")
		last = u.Time
		switch p := u.Payload.(type) {
		case ingest.PCM:
			require.NotEmpty(t, p)
			require.LessOrEqual(t, len(p), codec.ChunkSamples)
		case *ingest.Picture:
			require.LessOrEqual(t, max(p.Width, p.Height), codec.MaxSide)
			p.Release()
		case ingest.Gap:
			require.LessOrEqual(t, p.End.Sub(u.Time), codec.MaxGap)
		case ingest.End:
			ended = true
		default:
			t.Fatalf("payload %T", p)
		}
	}
}

func requireKnown(t *testing.T, err error) {
	t.Helper()
	for _, known := range []error{io.EOF, codec.ErrFormat, codec.ErrNoStream, codec.ErrTruncated, codec.ErrDamaged, codec.ErrLimit, codec.ErrKeyFrame} {
		if errors.Is(err, known) {
			return
		}
	}
	require.NoError(t, err, "an error without a type")
}
