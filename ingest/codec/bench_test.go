package codec_test

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// BenchmarkDecode says what decoding costs in CPU time per second of call.
func BenchmarkDecode(b *testing.B) {
	data := os.Getenv("VALENCE_DATA")
	if data == "" {
		data = "../../../shared/data"
	}
	for _, file := range []string{"testdata/vp8-opus.webm", "../../demo/call.webm", data + "/media/talk-1.mp4", data + "/media/talk-s20.mp4"} {
		for _, track := range []ingest.Modality{ingest.Audio, ingest.Video} {
			b.Run(file[max(0, len(file)-14):]+"/"+track.String(), func(b *testing.B) {
				if _, err := os.Stat(file); err != nil {
					b.Skipf("%s is not here", file)
				}
				b.ReportAllocs()
				var media time.Duration
				from := processTime(b)
				for b.Loop() {
					media += decodeAll(b, file, track)
				}
				b.ReportMetric((processTime(b)-from).Seconds()*1000/media.Seconds(), "cpu-ms/s")
			})
		}
	}
}

func decodeAll(b *testing.B, file string, track ingest.Modality) time.Duration {
	b.Helper()
	d, err := codec.Open(b.Context(), file, track, quiet)
	require.NoError(b, err)
	defer func() { require.NoError(b, d.Close()) }()
	for {
		u, err := d.Next(b.Context())
		if errors.Is(err, io.EOF) {
			return d.Info().Duration
		}
		require.NoError(b, err)
		if p, ok := u.Payload.(*ingest.Picture); ok {
			p.Release()
		}
	}
}

func processTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
