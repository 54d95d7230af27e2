package codec_test

import (
	"errors"
	"io"
	"os"
	"runtime/debug"
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
	for range 200 { // until the allocators have what they like to keep
		round()
	}
	before := resident(t)
	for range 800 {
		round()
	}
	grown := resident(t) - before
	t.Logf("grown by %d kB", grown/1024)
	// A leaked context, packet or frame would be some 10 kB a round.
	require.Less(t, grown, 4<<20)
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
