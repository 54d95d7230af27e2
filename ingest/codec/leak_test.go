package codec_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// resident is the memory of the process, C's included, in bytes.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("the memory of a process is read from /proc, which this system lacks")
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}

func TestAThousandDecodersLeaveNoMemoryBehind(t *testing.T) {
	requireNoLeak(t, 110, func() {
		for name, track := range map[string]ingest.Modality{"vp8-opus.webm": ingest.Video, "h264-aac.mp4": ingest.Audio, "turned-90.mp4": ingest.Video} {
			d, err := codec.Open(t.Context(), "testdata/"+name, track, quiet)
			require.NoError(t, err)
			for range 4 { // not to the end: Close must free what is under way
				u, err := d.Next(t.Context())
				require.NoError(t, err)
				if p, ok := u.Payload.(*ingest.Picture); ok {
					p.Release()
				}
			}
			require.NoError(t, d.Close())
		}
		_, err := codec.Open(t.Context(), "testdata/make.sh", ingest.Audio, quiet)
		require.ErrorIs(t, err, codec.ErrFormat)
		_, err = codec.Open(t.Context(), "testdata/tone.flac", ingest.Video, quiet)
		require.ErrorIs(t, err, codec.ErrNoStream)
	})
}

func TestAThousandLiveStreamsLeaveNoMemoryBehind(t *testing.T) {
	streams := map[codec.VideoCodec][]unit{
		codec.VP8: packets(t, "testdata/vp8-opus.webm", ingest.Video), codec.VP9: packets(t, "testdata/vp9-vorbis.webm", ingest.Video),
		codec.H264: packets(t, "testdata/h264-aac.mp4", ingest.Video),
	}
	sound, huge := packets(t, "testdata/fec.ogg", ingest.Audio), packets(t, "testdata/huge.mkv", ingest.Video)[0]
	pcm := make(ingest.PCM, 0, ingest.AudioRate)
	requireNoLeak(t, 110, func() {
		for c, units := range streams {
			v, err := codec.NewVideo(c, quiet)
			require.NoError(t, err)
			for i, u := range units[:12] { // B-frames are held back when it is closed
				var p *ingest.Picture
				p, _, err = v.Decode(u.data, u.at, i)
				require.NoError(t, err)
				if p != nil {
					p.Release()
				}
			}
			_, _, err = v.Decode(units[12].data[:8], units[12].at, 0)
			require.ErrorIs(t, err, codec.ErrDamaged)
			_, _, err = v.Decode(units[0].data, units[12].at, 0)
			require.NoError(t, err)
			require.NoError(t, v.Close())
		}
		v := must(codec.NewVideo(codec.H264, quiet))(t)
		_, _, err := v.Decode(huge.data, huge.at, 0)
		require.ErrorIs(t, err, codec.ErrLimit)
		require.NoError(t, v.Close())

		o := must(codec.NewOpus())(t)
		_, err = o.Decode(pcm, sound[3].data)
		require.NoError(t, err)
		_, err = o.Conceal(pcm, time.Second)
		require.NoError(t, err)
		require.NoError(t, o.Close())

		p := must(codec.OpenPackets(t.Context(), "testdata/h264-aac.mp4", quiet))(t)
		_, err = p.Next()
		require.NoError(t, err)
		require.NoError(t, p.Close())
		_, err = codec.OpenPackets(t.Context(), "testdata/make.sh", quiet)
		require.ErrorIs(t, err, codec.ErrFormat)
	})
}

func TestAStreamOfDamageLeavesNoMemoryBehind(t *testing.T) {
	for c, path := range map[codec.VideoCodec]string{codec.VP8: "testdata/layers.webm", codec.VP9: "testdata/vp9-vorbis.webm", codec.H264: "testdata/layers.mkv"} {
		units, v, random := packets(t, path, ingest.Video), newVideo(t, c), rand.New(rand.NewPCG(4, 2))
		failed, shown, at := 0, 0, zero
		requireNoLeak(t, 5, func() {
			for _, u := range units {
				data := bytes.Clone(u.data)
				if random.IntN(3) == 0 {
					data[random.IntN(len(data))] ^= byte(1 << random.IntN(8))
				}
				if random.IntN(10) == 0 {
					data = data[:random.IntN(len(data))]
				}
				at = at.Add(100 * time.Millisecond)
				p, _, err := v.Decode(data, at, 0)
				if p != nil {
					p.Release()
					shown++
				}
				if err != nil {
					requireKnown(t, err)
					failed++
				}
			}
		})
		require.Positive(t, shown)
		require.Positive(t, failed)
	}
}

// requireNoLeak fails if the process grows in the median leg of a test. What is
// leaked in a round grows every leg; the allocators and the race detector also
// grow, but by leaps in a few of them.
func requireNoLeak(t *testing.T, rounds int, round func()) {
	t.Helper()
	// A leaked context, packet or frame is some 10 kB a round.
	const legs, leak = 9, 512 << 10
	grown := make([]int, legs)
	before := resident(t)
	for leg := range legs {
		for range rounds {
			round()
		}
		now := resident(t)
		grown[leg], before = now-before, now
	}
	slices.Sort(grown)
	require.Less(t, grown[legs/2], leak, "growth by leg, in bytes: %v", grown)
}

func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return value
	}
}

func TestDecodingAllocatesNothingForAPicture(t *testing.T) {
	d := open(t, "hole.mkv", ingest.Video)
	allocations := testing.AllocsPerRun(4, func() {
		u, err := d.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		if p, ok := u.Payload.(*ingest.Picture); ok {
			p.Release()
		}
	})
	require.Zero(t, allocations)
}

func TestALiveStreamAllocatesNothing(t *testing.T) {
	for c, path := range map[codec.VideoCodec]string{codec.VP8: "../../demo/call.webm", codec.VP9: "testdata/vp9-vorbis.webm", codec.H264: "testdata/layers.mkv"} {
		units, v, i, shown := packets(t, path, ingest.Video), newVideo(t, c), 0, 0
		require.Zero(t, testing.AllocsPerRun(len(units)-1, func() {
			p, _, err := v.Decode(units[i].data, units[i].at, i)
			if err != nil {
				t.Error(err)
			}
			if p != nil {
				p.Release()
				shown++
			}
			i++
		}), "%s", c)
		require.Greater(t, shown, 5)
	}
	sound, o, i := packets(t, callWithOpus, ingest.Audio), newOpus(t), 0
	pcm := make(ingest.PCM, 0, ingest.AudioRate/50)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		var err [3]error
		_, err[0] = o.Recover(pcm, sound[i].data, 20*time.Millisecond)
		_, err[1] = o.Conceal(pcm, 20*time.Millisecond)
		_, err[2] = o.Decode(pcm, sound[i].data)
		if err != [3]error{} {
			t.Error(err)
		}
		i++
	}))
	p, err := codec.OpenPackets(t.Context(), callWithOpus, quiet)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	for range 100 { // the first are the largest
		_, err = p.Next()
		require.NoError(t, err)
	}
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, err = p.Next(); err != nil {
			t.Error(err)
		}
	}))
}
