package codec_test

import (
	"errors"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

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
	round := func() {
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
	}
	// A leaked context, packet or frame is some 10 kB a round, in every leg. The
	// allocators and the race detector also grow, but by leaps in a few of them.
	const legs, rounds, leak = 9, 110, 512 << 10
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
