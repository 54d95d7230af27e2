package codec_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// unit is one packet of a file with memory of its own.
type unit struct {
	at   time.Time
	data []byte
	key  bool
}

// packets reads all packets of the best stream of the modality.
func packets(tb testing.TB, path string, track ingest.Modality) []unit {
	tb.Helper()
	p, err := codec.OpenPackets(tb.Context(), path, quiet)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, p.Close()) }()
	var units []unit
	for {
		packet, err := p.Next()
		if errors.Is(err, io.EOF) {
			return units
		}
		require.NoError(tb, err)
		if p.Streams()[packet.Stream].Track == track {
			units = append(units, unit{zero.Add(packet.Time), bytes.Clone(packet.Data), packet.Key})
		}
	}
}

// shown is a whole picture, to be compared with another.
type shown struct {
	at     time.Time
	width  int
	height int
	planes string
}

func show(at time.Time, p *ingest.Picture) shown {
	var b bytes.Buffer
	for y := range p.Height {
		b.Write(p.Y[y*p.YStride:][:p.Width])
	}
	for y := range (p.Height + 1) / 2 {
		b.Write(p.Cb[y*p.CStride:][:(p.Width+1)/2])
		b.Write(p.Cr[y*p.CStride:][:(p.Width+1)/2])
	}
	s := shown{at, p.Width, p.Height, b.String()}
	p.Release()
	return s
}

func filePictures(t *testing.T, path string) []shown {
	t.Helper()
	d, err := codec.Open(t.Context(), path, ingest.Video, quiet)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	var all []shown
	for {
		u, err := d.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if p, ok := u.Payload.(*ingest.Picture); ok {
			all = append(all, show(u.Time, p))
		}
	}
}

func livePictures(t *testing.T, c codec.VideoCodec, units []unit) []shown {
	t.Helper()
	v := newVideo(t, c)
	var all []shown
	for _, u := range units {
		require.Equal(t, u.key, c.KeyFrame(u.data), "at %s", u.at)
		p, at, err := v.Decode(u.data, u.at, 0)
		require.NoError(t, err)
		if p != nil {
			all = append(all, show(at, p))
		}
	}
	return all
}

func newVideo(tb testing.TB, c codec.VideoCodec) *codec.Video {
	tb.Helper()
	v, err := codec.NewVideo(c, quiet)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, v.Close()) })
	return v
}
