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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

func TestEveryContainerIsTakenApartWithoutDecoding(t *testing.T) {
	for name, c := range map[string]struct{ video, audio string }{
		"vp8-opus.webm": {"vp8", "opus"}, "vp9-vorbis.webm": {"vp9", "vorbis"}, "h264-flac.mkv": {"h264", "flac"},
		"h264-aac.mp4": {"h264", "aac"}, "h264-aac.ts": {"h264", "aac"}, "opus.ogg": {"", "opus"}, "cover.mp3": {"png", "mp3"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := codec.OpenPackets(t.Context(), "testdata/"+name, quiet)
			require.NoError(t, err)
			defer func() { require.NoError(t, p.Close()) }()
			streams := p.Streams()
			last, bytes := make([]time.Duration, len(streams)), make([]int, len(streams))
			for {
				packet, err := p.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				require.NotEmpty(t, packet.Data)
				if bytes[packet.Stream] == 0 {
					assert.True(t, packet.Key)
					assert.InDelta(t, 0, packet.Time.Seconds(), .05)
				}
				bytes[packet.Stream] += len(packet.Data)
				last[packet.Stream] = max(last[packet.Stream], packet.Time+packet.Duration)
			}
			for i, s := range streams {
				require.Positive(t, bytes[i])
				if s.Track == ingest.Video {
					assert.Equal(t, c.video, s.Codec)
				} else {
					assert.Equal(t, c.audio, s.Codec)
				}
				if s.Codec != "png" {
					assert.InDelta(t, 1.2, last[i].Seconds(), .07, s.Codec)
				}
			}
		})
	}
}

func TestH264IsTakenOutInTheFormThatGoesOverTheWire(t *testing.T) {
	for _, name := range []string{"h264-aac.mp4", "h264-flac.mkv", "h264-aac.ts", "layers.mkv"} {
		for i, u := range packets(t, filepath.Join("testdata", name), ingest.Video) {
			start := bytes.Index(u.data, []byte{0, 0, 1})
			assert.True(t, start == 0 || start == 1 && u.data[0] == 0, "%s, unit %d", name, i)
			assert.Equal(t, u.key, bytes.Contains(u.data, []byte{0, 0, 1, 0x67}), "%s, unit %d: an IDR picture has its parameter sets with it", name, i)
		}
	}
}

func TestFilesThatCannotBeTakenApartSaySo(t *testing.T) {
	_, err := codec.OpenPackets(t.Context(), "testdata/make.sh", quiet)
	require.ErrorIs(t, err, codec.ErrFormat)
	_, err = codec.OpenPackets(t.Context(), "testdata/missing.mp4", quiet)
	require.ErrorIs(t, err, os.ErrNotExist)

	data, err := os.ReadFile("testdata/vp8-opus.webm")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "cut.webm")
	require.NoError(t, os.WriteFile(path, data[:len(data)*7/10], 0o600))
	p, err := codec.OpenPackets(t.Context(), path, quiet)
	require.NoError(t, err)
	n := 0
	for ; err == nil; n++ {
		_, err = p.Next()
	}
	require.ErrorIs(t, err, codec.ErrTruncated)
	assert.Greater(t, n, 30)
	_, err = p.Next()
	require.ErrorIs(t, err, codec.ErrTruncated, "for ever")
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	_, err = p.Next()
	require.ErrorIs(t, err, codec.ErrClosed)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = codec.OpenPackets(ctx, path, quiet)
	require.ErrorIs(t, err, context.Canceled)
}
