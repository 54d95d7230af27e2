package codec_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// requireSame compares pictures without printing them.
func requireSame(t *testing.T, want, got []shown) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, want[i].at, got[i].at)
		require.Equal(t, [2]int{want[i].width, want[i].height}, [2]int{got[i].width, got[i].height})
		require.Zero(t, bytes.Compare([]byte(want[i].planes), []byte(got[i].planes)), "the picture at %s differs", want[i].at)
	}
}

func TestALiveStreamShowsTheSamePicturesAsTheFile(t *testing.T) {
	for path, c := range map[string]struct {
		codec codec.VideoCodec
		held  int // pictures that only the end of the stream sets free
	}{
		"../../demo/call.webm":               {codec.VP8, 0},
		"testdata/vp8-opus.webm":             {codec.VP8, 0},
		"testdata/layers.webm":               {codec.VP8, 0},
		"testdata/vp9-vorbis.webm":           {codec.VP9, 0},
		"testdata/layers.mkv":                {codec.H264, 0},
		"testdata/slices.mkv":                {codec.H264, 0},
		"testdata/h264-flac.mkv":             {codec.H264, 1}, // B-frames, here and below
		"testdata/h264-aac.mp4":              {codec.H264, 1},
		"testdata/h264-aac.ts":               {codec.H264, 1},
		"testdata/wide-pixels.mkv":           {codec.H264, 1},
		"testdata/large.mkv":                 {codec.H264, 1},
		"testdata/ten-bit-444.mkv":           {codec.H264, 1},
		dataFolder() + "/media/talk-1.mp4":   {codec.H264, 0},
		dataFolder() + "/media/talk-s20.mp4": {codec.H264, 0},
	} {
		t.Run(path, func(t *testing.T) {
			if _, err := os.Stat(path); err != nil {
				t.Skipf("%s is not here", path)
			}
			file, live := filePictures(t, path), livePictures(t, c.codec, packets(t, path, ingest.Video))
			requireSame(t, file[:len(file)-c.held], live)
		})
	}
}

func TestPicturesThatNobodyNeedsAreNotDecoded(t *testing.T) {
	units := packets(t, "testdata/layers.mkv", ingest.Video)
	want, last, spoilt := livePictures(t, codec.H264, units), time.Time{}, 0
	for i, u := range units {
		first := u.at.Truncate(codec.PictureStep).After(last)
		last = u.at.Truncate(codec.PictureStep)
		if codec.H264.Droppable(u.data) && i > 0 && !first {
			for j := 8; j < len(u.data); j++ {
				u.data[j] = 0xff
			}
			spoilt++
		}
	}
	assert.Greater(t, spoilt, 8)
	requireSame(t, want, livePictures(t, codec.H264, units))
}

func TestTheSenderSaysWhichSideIsUp(t *testing.T) {
	for turns, name := range map[int]string{0: "h264-aac.mp4", 1: "turned-270.mp4", 2: "turned-180.mp4", 3: "turned-90.mp4"} {
		units := packets(t, "testdata/"+name, ingest.Video)
		for _, again := range []int{0, 4, -4} { // whole turns change nothing
			v, got := newVideo(t, codec.H264), []shown{}
			for _, u := range units {
				p, at, err := v.Decode(u.data, u.at, turns+again)
				require.NoError(t, err)
				if p != nil {
					got = append(got, show(at, p))
				}
			}
			file := filePictures(t, "testdata/"+name)
			requireSame(t, file[:len(file)-1], got)
		}
	}
}

func TestAfterALossNothingIsShownBeforeAKeyFrame(t *testing.T) {
	for path, c := range map[string]codec.VideoCodec{"../../demo/call.webm": codec.VP8, "testdata/vp9-vorbis.webm": codec.VP9, "testdata/layers.mkv": codec.H264} {
		t.Run(string(c), func(t *testing.T) {
			units := packets(t, path, ingest.Video)
			v := newVideo(t, c)
			refused := func(i int) {
				p, _, err := v.Decode(units[i].data, units[i].at, 0)
				require.ErrorIs(t, err, codec.ErrKeyFrame)
				require.Nil(t, p)
			}
			shows := func(data []byte, after time.Duration) {
				p, at, err := v.Decode(data, zero.Add(after), 0)
				require.NoError(t, err)
				require.NotNil(t, p)
				require.Equal(t, zero.Add(after), at)
				p.Release()
			}
			refused(1)
			shows(units[0].data, time.Second)
			shows(units[1].data, 2*time.Second)
			require.NoError(t, v.Reset())
			refused(2)
			shows(units[0].data, 3*time.Second)

			_, _, err := v.Decode([]byte{}, units[1].at, 0)
			require.ErrorIs(t, err, codec.ErrDamaged)
			refused(1)
			shows(units[0].data, 4*time.Second)
			_, _, err = v.Decode(make([]byte, codec.MaxUnit+1), units[1].at, 0)
			require.ErrorIs(t, err, codec.ErrLimit)
			refused(1)
			shows(units[0].data, 5*time.Second)
			_, _, err = v.Decode(units[1].data[:1], units[1].at, 0)
			require.ErrorIs(t, err, codec.ErrDamaged)
			refused(1)
			shows(units[0].data, 6*time.Second)
			shows(units[1].data, 7*time.Second)
		})
	}
}

func TestAnIncompleteUnitIsDamaged(t *testing.T) {
	units := packets(t, "testdata/slices.mkv", ingest.Video)
	first, third := bytes.Index(units[0].data, []byte{0, 0, 1, 0x65}), bytes.LastIndex(units[0].data, []byte{0, 0, 1})
	require.Positive(t, first)
	for name, data := range map[string][]byte{
		"without its last slice":       units[0].data[:third],
		"without half its last slice":  units[0].data[:(third+len(units[0].data))/2],
		"without its parameter sets":   units[0].data[first:],
		"without a start of its slice": append(bytes.Clone(units[0].data[:third]), units[0].data[third+40:]...),
	} {
		_, _, err := newVideo(t, codec.H264).Decode(data, zero, 0)
		require.ErrorIs(t, err, codec.ErrDamaged, name)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestParameterSetsMayComeAlone(t *testing.T) {
	units := packets(t, "testdata/layers.mkv", ingest.Video)
	slice := bytes.Index(units[0].data, []byte{0, 0, 1, 0x65})
	v := newVideo(t, codec.H264)
	for _, data := range [][]byte{units[0].data[:slice], units[0].data[slice:]} { // the second with a short start code
		p, _, err := v.Decode(data, zero, 0)
		require.NoError(t, err)
		require.Equal(t, len(data) > slice, p != nil)
	}
}

func TestTheSizeMayChangeInMidStream(t *testing.T) {
	for _, c := range []struct {
		codec        codec.VideoCodec
		small, large string
		held         int
	}{
		{codec.VP8, "testdata/vp8-opus.webm", "testdata/layers.webm", 0},
		{codec.VP9, "testdata/vp9-vorbis.webm", "testdata/wide.webm", 0},
		{codec.H264, "testdata/slices.mkv", "testdata/layers.mkv", 0},
	} {
		t.Run(string(c.codec), func(t *testing.T) {
			var units []unit
			var want []shown
			for i, path := range []string{c.small, c.large, c.small} {
				later := time.Duration(i) * 2 * time.Second
				for _, u := range packets(t, path, ingest.Video) {
					u.at = u.at.Add(later)
					units = append(units, u)
				}
				for _, p := range filePictures(t, path) {
					p.at = p.at.Add(later)
					want = append(want, p)
				}
			}
			requireSame(t, want, livePictures(t, c.codec, units))
		})
	}
}

func TestOfAllLayersInOneUnitTheLastIsShown(t *testing.T) {
	small, large := packets(t, "testdata/vp9-vorbis.webm", ingest.Video)[0].data, packets(t, "testdata/wide.webm", ingest.Video)[0].data
	index := []byte{0b110_01_001, byte(len(small)), byte(len(small) >> 8), byte(len(large)), byte(len(large) >> 8), 0b110_01_001}
	p, _, err := newVideo(t, codec.VP9).Decode(append(append(bytes.Clone(small), large...), index...), zero, 0)
	require.NoError(t, err)
	require.NotNil(t, p)
	assert.Equal(t, [2]int{160, 120}, [2]int{p.Width, p.Height})
	p.Release()
}

func TestTooLargePicturesAreRefused(t *testing.T) {
	vp8 := bytes.Clone(packets(t, "testdata/vp8-opus.webm", ingest.Video)[0].data)
	copy(vp8[6:], []byte{0xff, 0x3f, 0xff, 0x3f}) // 16383 x 16383
	vp9 := bytes.Clone(packets(t, "testdata/vp9-vorbis.webm", ingest.Video)[0].data)
	copy(vp9[4:], []byte{0x0f, 0xff, 0xff, 0xff, 0xf0}) // after 4 bits: 65536 x 65536
	huge := packets(t, "testdata/huge.mkv", ingest.Video)[0].data
	for c, data := range map[codec.VideoCodec][]byte{codec.VP8: vp8, codec.VP9: vp9, codec.H264: huge} {
		require.True(t, c.KeyFrame(data))
		v := newVideo(t, c)
		for range 3 {
			_, _, err := v.Decode(data, zero, 0)
			require.ErrorIs(t, err, codec.ErrLimit, "%s", c)
		}
	}
}

func TestLivePicturesOutliveTheirDecoder(t *testing.T) {
	v, err := codec.NewVideo(codec.VP8, quiet)
	require.NoError(t, err)
	u := packets(t, "testdata/vp8-opus.webm", ingest.Video)[0]
	p, at, err := v.Decode(u.data, u.at, 0)
	require.NoError(t, err)
	require.NoError(t, v.Close())
	require.NoError(t, v.Close())
	assertColours(t, dark, look(at.Sub(zero), p).quarters, 2)
	p.Release()
	_, _, err = v.Decode(u.data, u.at, 0)
	require.ErrorIs(t, err, codec.ErrClosed)
	require.ErrorIs(t, v.Reset(), codec.ErrClosed)
	_, err = codec.NewVideo("AV1", quiet)
	require.ErrorIs(t, err, codec.ErrNoStream)
}
