package codec_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

var videoCodecs = [3]codec.VideoCodec{codec.VP8, codec.VP9, codec.H264}

// join puts units into one piece of data, each behind its length; split takes
// them apart again.
func join(units []unit) []byte {
	var all []byte
	for _, u := range units {
		all = append(binary.BigEndian.AppendUint16(all, uint16(len(u.data))), u.data...)
	}
	return all
}

func split(data []byte) (units [][]byte) {
	for len(data) >= 2 {
		n := min(int(binary.BigEndian.Uint16(data)), len(data)-2)
		units = append(units, data[2:2+n:2+n])
		data = data[2+n:]
	}
	return units
}

func FuzzVideo(f *testing.F) {
	for i, paths := range [3][]string{{"vp8-opus.webm", "layers.webm"}, {"vp9-vorbis.webm", "wide.webm"}, {"layers.mkv", "slices.mkv", "h264-aac.mp4"}} {
		for _, path := range paths {
			units := packets(f, "testdata/"+path, ingest.Video)
			f.Add(byte(i), join(units[:min(len(units), 8)]))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		c := videoCodecs[which%3]
		v, at, last := newVideo(t, c), zero, zero.Add(-codec.PictureStep)
		waits := true
		for i, data := range split(data) {
			at = at.Add(time.Duration(which) * time.Millisecond)
			before := bytes.Clone(data)
			p, captured, err := v.Decode(data, at, i)
			require.True(t, bytes.Equal(before, data), "a unit was written to")
			if err != nil {
				requireKnown(t, err)
				require.Nil(t, p)
				waits = true
			} else if c.KeyFrame(data) {
				waits = false
			}
			if p == nil {
				continue
			}
			require.False(t, waits, "a picture without a key frame")
			require.Greater(t, captured.Truncate(codec.PictureStep), last.Truncate(codec.PictureStep))
			require.False(t, captured.After(at))
			last = captured
			requireSound(t, p)
			p.Release()
		}
	})
}

// requireSound checks that the picture's planes are as large as it says.
func requireSound(t *testing.T, p *ingest.Picture) {
	t.Helper()
	require.Positive(t, min(p.Width, p.Height))
	require.LessOrEqual(t, max(p.Width, p.Height), codec.MaxSide)
	require.GreaterOrEqual(t, p.YStride, p.Width)
	require.GreaterOrEqual(t, p.CStride, (p.Width+1)/2)
	require.GreaterOrEqual(t, len(p.Y), p.YStride*p.Height)
	require.GreaterOrEqual(t, min(len(p.Cb), len(p.Cr)), p.CStride*((p.Height+1)/2))
}

func FuzzOpus(f *testing.F) {
	for _, path := range []string{"testdata/fec.ogg", "testdata/vp8-opus.webm", "testdata/opus.ogg"} {
		units := packets(f, path, ingest.Audio)
		f.Add(join(units[10:min(len(units), 20)]))
	}
	f.Add([]byte("\x00\x02\xfb\x06\x00\x03\x7b\xb0\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := newOpus(t)
		var sound ingest.PCM
		for i, packet := range split(data) {
			d, lengthErr := codec.OpusDuration(packet)
			if lengthErr == nil {
				require.GreaterOrEqual(t, d, 2500*time.Microsecond)
				require.LessOrEqual(t, d, 120*time.Millisecond)
			}
			hole := d * time.Duration(i) / 3
			for n, call := range []func() (ingest.PCM, error){
				func() (ingest.PCM, error) { return o.Recover(sound[:0], packet, hole) },
				func() (ingest.PCM, error) { return o.Conceal(sound[:0], hole) },
				func() (ingest.PCM, error) { return o.Decode(sound[:0], packet) },
			} {
				got, err := call()
				if err != nil {
					requireKnown(t, err)
					require.Empty(t, got)
					continue
				}
				want := hole
				if n == 2 {
					require.NoError(t, lengthErr)
					want = d
				}
				require.InDelta(t, want.Seconds()*ingest.AudioRate, len(got), .51)
				for _, x := range got {
					require.True(t, x >= -1 && x <= 1, "%v", x)
				}
				sound = got
			}
		}
	})
}

func FuzzKeyFrame(f *testing.F) {
	for i, path := range []string{"vp8-opus.webm", "vp9-vorbis.webm", "layers.mkv"} {
		for _, u := range packets(f, "testdata/"+path, ingest.Video)[:3] {
			f.Add(byte(i), u.data[:min(len(u.data), 64)], []byte{0, 0, 1, 0x65})
		}
	}
	f.Fuzz(func(t *testing.T, which byte, unit, more []byte) {
		c := videoCodecs[which%3]
		key, droppable := c.KeyFrame(unit), c.Droppable(unit)
		require.False(t, key && droppable)
		longer := append(bytes.Clone(unit), more...)
		require.True(t, !key || c.KeyFrame(longer), "what follows does not unmake a key frame")
	})
}

func FuzzOpusDuration(f *testing.F) {
	f.Add([]byte{0xfb, 6})
	f.Add([]byte{0x1b, 3})
	f.Fuzz(func(t *testing.T, packet []byte) {
		d, err := codec.OpusDuration(packet)
		if err != nil {
			require.ErrorIs(t, err, codec.ErrDamaged)
			require.Zero(t, d)
			return
		}
		require.Zero(t, d%(2500*time.Microsecond))
		require.Positive(t, d)
		require.LessOrEqual(t, d, 120*time.Millisecond)
	})
}
