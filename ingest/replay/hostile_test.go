package replay_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/replay"
)

// mutate damages data in one of the ways in which files get damaged, the same
// for the same source of chance.
func mutate(chance *rand.Rand, data []byte) []byte {
	out := append([]byte(nil), data...)
	for range 1 + chance.IntN(4) {
		if len(out) < 8 {
			return out
		}
		from := chance.IntN(len(out) - 4)
		to := from + 1 + chance.IntN(min(len(out)-from-1, 200))
		switch chance.IntN(6) {
		case 0: // single bits
			for range 1 + chance.IntN(16) {
				out[chance.IntN(len(out))] ^= 1 << chance.IntN(8)
			}
		case 1: // noise
			for i := from; i < to; i++ {
				out[i] = byte(chance.Uint32())
			}
		case 2: // all ones: lengths and counts become huge
			for i := from; i < min(to, from+8); i++ {
				out[i] = 0xff
			}
		case 3: // a hole
			out = append(out[:from], out[to:]...)
		case 4: // a piece that comes twice
			out = append(out[:to], append(append([]byte(nil), out[from:to]...), out[to:]...)...)
		default: // the end is missing
			out = out[:max(8, to)]
		}
	}
	return out
}

// replayed runs a call from one file to its end. It says what came of it, and
// fails the test for an error that nobody announced, or for a hang.
func replayed(t *testing.T, in replay.Input) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // only against a hang
	defer cancel()
	source, err := replay.Open(ctx, replay.Config{Session: "s", Inputs: []replay.Input{in}, Start: epoch}, quiet)
	if err == nil {
		var last time.Time
		err = source.Run(ctx, handlerFunc(func(s ingest.Sample) error {
			require.False(t, s.Time.Before(last), "time ran backwards")
			require.LessOrEqual(t, s.Time.Sub(epoch), codec.MaxDuration+codec.MaxGap)
			last = s.Time
			return nil
		}))
	}
	require.NoError(t, ctx.Err(), "it hangs")
	if err == nil {
		return nil
	}
	for _, known := range []error{codec.ErrFormat, codec.ErrNoStream, codec.ErrTruncated, codec.ErrDamaged, codec.ErrLimit, ingest.ErrTranscript} {
		if errors.Is(err, known) {
			require.Contains(t, err.Error(), filepath.Base(in.Media+in.Transcript))
			return err
		}
	}
	require.NoError(t, err, "an error without a type")
	return nil
}

func TestTwoHundredDamagedMediaFilesEndInAResultOrAClearError(t *testing.T) {
	seeds := []string{
		"vp8-opus.webm", "vp9-vorbis.webm", "h264-flac.mkv", "h264-aac.mp4", "h264-aac.mov", "h264-aac.ts", "mpeg1-mp2.mpg",
		"mpeg4-mp3.avi", "pcm.wav", "tone.flac", "opus.ogg", "vorbis.ogg", "tone.mp3", "turned-90.mp4", "full-range.mkv", "rgb.mkv",
	}
	chance := rand.New(rand.NewPCG(1, 2))
	whole := 0
	for i := range 200 {
		name := seeds[i%len(seeds)]
		data, err := os.ReadFile(media(name))
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, mutate(chance, data), 0o600))
		if replayed(t, replay.Input{Participant: "ann", Media: path}) == nil {
			whole++
		}
	}
	t.Logf("%d of 200 were read as if nothing were wrong", whole)
	require.Less(t, whole, 150, "damage is noticed")
}

func TestTwoHundredDamagedTranscriptsEndInAResultOrAClearError(t *testing.T) {
	seeds, err := filepath.Glob(filepath.Join("..", "transcript", "testdata", "*.*"))
	require.NoError(t, err)
	require.Len(t, seeds, 3)
	chance := rand.New(rand.NewPCG(3, 4))
	whole := 0
	for i := range 200 {
		name := seeds[i%len(seeds)]
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), filepath.Base(name))
		require.NoError(t, os.WriteFile(path, mutate(chance, data), 0o600))
		if replayed(t, replay.Input{Participant: "ann", Media: path}) == nil {
			whole++
		}
	}
	t.Logf("%d of 200 were read as if nothing were wrong", whole)
}
