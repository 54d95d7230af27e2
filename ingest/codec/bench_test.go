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
	data := dataFolder()
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

// dataFolder is where the larger files are that not every machine has.
func dataFolder() string {
	if data := os.Getenv("VALENCE_DATA"); data != "" {
		return data
	}
	return "../../../shared/data"
}

// BenchmarkOpus says what a packet of 20 ms costs, BenchmarkOpusLoss what one
// that has to be made up costs.
func BenchmarkOpus(b *testing.B) {
	benchmarkOpus(b, func(o *codec.Opus, dst ingest.PCM, packet []byte) error {
		_, err := o.Decode(dst, packet)
		return err
	})
}

func BenchmarkOpusLoss(b *testing.B) {
	benchmarkOpus(b, func(o *codec.Opus, dst ingest.PCM, packet []byte) error {
		_, err := o.Recover(dst, packet, 20*time.Millisecond)
		return err
	})
}

func benchmarkOpus(b *testing.B, decode func(o *codec.Opus, dst ingest.PCM, packet []byte) error) {
	b.Helper()
	units, o := packets(b, callWithOpus, ingest.Audio), newOpus(b)
	pcm := make(ingest.PCM, 0, ingest.AudioRate/50)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := decode(o, pcm, units[i%len(units)].data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVideo says what an access unit costs.
func BenchmarkVideo(b *testing.B) {
	for name, c := range map[string]struct {
		codec codec.VideoCodec
		path  string
	}{
		"VP8-320x240": {codec.VP8, "../../demo/call.webm"},
		"VP8-layers":  {codec.VP8, "testdata/layers.webm"},
		"VP9-160x120": {codec.VP9, "testdata/wide.webm"},
		"H264-layers": {codec.H264, "testdata/layers.mkv"},
	} {
		b.Run(name, func(b *testing.B) {
			units, v := packets(b, c.path, ingest.Video), newVideo(b, c.codec)
			long := units[len(units)-1].at.Sub(zero) + 40*time.Millisecond
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				u := units[i%len(units)]
				p, _, err := v.Decode(u.data, u.at.Add(time.Duration(i/len(units))*long), 0)
				if err != nil {
					b.Fatal(err)
				}
				if p != nil {
					p.Release()
				}
			}
		})
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
