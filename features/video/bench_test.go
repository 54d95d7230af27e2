package video_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/video"
	"github.com/valence-live/valence/ingest"
)

// blindEncoder costs nothing, so that benchmarks show what is around the nets.
type blindEncoder struct{}

func (blindEncoder) EncodeFace(_, embedding []float32) error {
	clear(embedding)
	return nil
}

func TestPicturesCostNoAllocationButTheirVectors(t *testing.T) {
	x := video.New(newSeeingEyes(), blindEncoder{})
	s := ingest.Sample{Time: epoch, Payload: person(160, 120, 40)}
	emit := func(features.Unit) {}
	show := func() {
		for range 32 {
			require.NoError(t, x.Extract(s, emit))
			s.Time = s.Time.Add(video.Step)
		}
	}
	show()
	// One interface value for each vector, one array for 32 of them.
	assert.LessOrEqual(t, testing.AllocsPerRun(10, show), 33.0)

	s.Time = epoch
	assert.Zero(t, testing.AllocsPerRun(100, func() { require.NoError(t, x.Extract(s, emit)) }), "a picture that is not used")
}

func BenchmarkPictures(b *testing.B) {
	for _, size := range []struct {
		name          string
		width, height int
		eyes          float64
	}{{"320x240", 320, 240, 30}, {"640x480", 640, 480, 60}, {"1280x720", 1280, 720, 100}} {
		p := scene{
			width: size.width, height: size.height,
			heads: []head{{x: float64(size.width) / 2, y: float64(size.height) / 2, eyes: size.eyes}},
		}.draw()
		b.Run(size.name, func(b *testing.B) {
			x := video.New(newSeeingEyes(), blindEncoder{})
			s := ingest.Sample{Time: epoch, Payload: p}
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, x.Extract(s, func(features.Unit) {}))
				s.Time = s.Time.Add(video.Step)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)*float64(time.Second/video.Step)/1000, "ms/s")
		})
	}
}
