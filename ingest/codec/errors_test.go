package codec_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

func TestMediaThatCannotBeReadIsRefusedWithAReason(t *testing.T) {
	wav := func(rate, channels byte) []byte {
		return append([]byte("RIFF\x24\x08\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00"+string([]byte{channels, 0, rate, 0, 0, 0, rate, 0, 0, 0, channels, 0, 8, 0})+"data\x00\x08\x00\x00"), make([]byte, 2048)...)
	}
	mp4, err := os.ReadFile("testdata/h264-aac.mp4")
	require.NoError(t, err)
	wide, err := os.ReadFile("testdata/too-wide.mkv")
	require.NoError(t, err)
	cover, err := os.ReadFile("testdata/cover.mp3")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		data  []byte
		track ingest.Modality
		want  error
	}{
		"nothing":               {nil, ingest.Audio, codec.ErrFormat},
		"text":                  {[]byte(strings.Repeat("hello ", 100)), ingest.Audio, codec.ErrFormat},
		"a playlist":            {[]byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"), ingest.Audio, codec.ErrFormat},
		"a list of files":       {[]byte("ffconcat version 1.0\nfile /etc/passwd\n"), ingest.Audio, codec.ErrFormat},
		"without its index":     {mp4[:len(mp4)-1500], ingest.Audio, codec.ErrFormat},
		"sound only":            {wav(200, 1), ingest.Video, codec.ErrNoStream},
		"a cover for a picture": {cover, ingest.Video, codec.ErrNoStream},
		"a transcript":          {mp4, ingest.Text, codec.ErrNoStream},
		"wider than the limit":  {wide, ingest.Video, codec.ErrLimit},
		"200 Hz":                {wav(200, 1), ingest.Audio, codec.ErrLimit},
		"200 channels":          {wav(200, 200), ingest.Audio, codec.ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			_, err = codec.NewDecoder(t.Context(), bytes.NewReader(c.data), "x.bin", c.track, quiet)
			require.ErrorIs(t, err, c.want)
			assert.Contains(t, err.Error(), "x.bin")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	_, err = codec.Open(t.Context(), "testdata/missing.mp4", ingest.Audio, quiet)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestACutFileGivesWhatThereIsAndThenAnError(t *testing.T) {
	for _, name := range []string{"vp8-opus.webm", "h264-aac.mov", "h264-flac.mkv", "mpeg4-mp3.avi", "pcm.wav"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", name))
			require.NoError(t, err)
			cut := data[:len(data)*7/10]
			d, err := codec.NewDecoder(t.Context(), bytes.NewReader(cut), name, ingest.Audio, quiet)
			require.NoError(t, err)
			s := decode(t, d)
			require.NoError(t, d.Close())
			require.ErrorIs(t, s.err, codec.ErrTruncated)
			assert.Greater(t, len(s.sound), ingest.AudioRate/4)
			assert.Less(t, s.end, time.Second)
		})
	}
}

func TestASoundFileFromAPipeIsNotTakenForACutOne(t *testing.T) {
	data, err := os.ReadFile("testdata/pcm.wav")
	require.NoError(t, err)
	copy(data[4:], "\xff\xff\xff\xff")
	copy(data[bytes.Index(data, []byte("data"))+4:], "\xff\xff\xff\xff")
	d, err := codec.NewDecoder(t.Context(), bytes.NewReader(data), "pipe.wav", ingest.Audio, quiet)
	require.NoError(t, err)
	s := decode(t, d)
	require.NoError(t, d.Close())
	require.ErrorIs(t, s.err, io.EOF)
	assert.Len(t, s.sound, 1.2*ingest.AudioRate)
}

func TestAReaderThatCannotSeekOrFailsIsServed(t *testing.T) {
	data, err := os.ReadFile("testdata/vp8-opus.webm")
	require.NoError(t, err)
	d, err := codec.NewDecoder(t.Context(), iotest.OneByteReader(bytes.NewReader(data)), "pipe", ingest.Video, quiet)
	require.NoError(t, err)
	s := decode(t, d)
	require.NoError(t, d.Close())
	require.ErrorIs(t, s.err, io.EOF)
	assert.Len(t, s.pictures, 7)

	broken := errors.New("disk on fire")
	_, err = codec.NewDecoder(t.Context(), iotest.ErrReader(broken), "x", ingest.Audio, quiet)
	require.ErrorIs(t, err, broken)
	_, err = codec.NewDecoder(t.Context(), lazy{}, "x", ingest.Audio, quiet)
	require.ErrorIs(t, err, io.ErrNoProgress)
}

type lazy struct{}

func (lazy) Read([]byte) (int, error) { return 0, nil }

func TestACancelledContextEndsDecoding(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d, err := codec.Open(ctx, "testdata/vp8-opus.webm", ingest.Audio, quiet)
	require.NoError(t, err)
	cancel()
	_, err = d.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, d.Close())
	_, err = codec.Open(ctx, "testdata/vp8-opus.webm", ingest.Audio, quiet)
	require.ErrorIs(t, err, context.Canceled)
}

func TestAClosedDecoderSaysSo(t *testing.T) {
	d, err := codec.Open(t.Context(), "testdata/tone.flac", ingest.Audio, quiet)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	_, err = d.Next(t.Context())
	require.ErrorIs(t, err, codec.ErrClosed)
}
