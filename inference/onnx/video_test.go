package onnx_test

import (
	"image"
	"image/jpeg"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/video"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/ingest"
)

// portrait is a part of NASA's portrait of Eileen Collins (public domain), 256
// pixels wide and high.
func portrait(tb testing.TB) *ingest.Picture {
	tb.Helper()
	file, err := os.Open("testdata/astronaut.jpg")
	require.NoError(tb, err)
	defer func() { require.NoError(tb, file.Close()) }()
	decoded, err := jpeg.Decode(file)
	require.NoError(tb, err)
	p, ok := decoded.(*image.YCbCr)
	require.True(tb, ok)
	require.Equal(tb, image.YCbCrSubsampleRatio420, p.SubsampleRatio)
	return &ingest.Picture{
		Width: p.Rect.Dx(), Height: p.Rect.Dy(), Y: p.Y, Cb: p.Cb, Cr: p.Cr,
		YStride: p.YStride, CStride: p.CStride, FullRange: true,
	}
}

// larger is p in the middle of a picture of the given size that is otherwise
// dark, every second pixel left out as often as asked.
func larger(p *ingest.Picture, width, height, halvings int) *ingest.Picture {
	step := 1 << halvings
	q := &ingest.Picture{
		Width: width, Height: height, FullRange: true, YStride: width, CStride: width / 2,
		Y: make([]byte, width*height), Cb: make([]byte, width*height/4), Cr: make([]byte, width*height/4),
	}
	for i := range q.Cb {
		q.Cb[i], q.Cr[i] = 128, 128
	}
	place := func(dst, src []byte, dstStride, srcStride, width, height, side int) {
		for y := range side / step {
			for x := range side / step {
				dst[((height-side/step)/2+y)*dstStride+(width-side/step)/2+x] = src[y*step*srcStride+x*step]
			}
		}
	}
	place(q.Y, p.Y, q.YStride, p.YStride, width, height, p.Width)
	place(q.Cb, p.Cb, q.CStride, p.CStride, width/2, height/2, p.Width/2)
	place(q.Cr, p.Cr, q.CStride, p.CStride, width/2, height/2, p.Width/2)
	return q
}

func shippedFaces(tb testing.TB) (*video.Extractor, *extracted) {
	tb.Helper()
	files := shipped(tb, model.DetectorFile, model.FaceFile)
	r := openRuntime(tb)
	detector, err := r.FaceDetector(files[0])
	require.NoError(tb, err)
	encoder, err := r.FaceEncoder(files[1])
	require.NoError(tb, err)
	return video.New(detector, encoder), &extracted{}
}

// extracted is what an Extractor gave last.
type extracted struct{ vector features.Vector }

func (e *extracted) take(u features.Unit) {
	if v, ok := u.(features.Vector); ok {
		e.vector = v
	}
}

func show(tb testing.TB, p *ingest.Picture) features.Vector {
	tb.Helper()
	x, got := shippedFaces(tb)
	for i := range 4 { // a small face is found by the second search
		s := ingest.Sample{Time: epoch.Add(time.Duration(i) * video.Step), Payload: p}
		require.NoError(tb, x.Extract(s, got.take))
		if got.vector.Values != nil {
			break
		}
	}
	return got.vector
}

func TestTheShippedNetsSeeTheSameFaceInAnySize(t *testing.T) {
	p := portrait(t)
	whole := show(t, p)
	require.Len(t, whole.Values, video.Dim, "reason: %s", whole.Reason)
	for name, other := range map[string]*ingest.Picture{
		"in a large picture":   larger(p, 640, 480, 0),
		"half as large":        larger(p, 320, 240, 1),
		"small, in the middle": larger(p, 480, 270, 1),
	} {
		t.Run(name, func(t *testing.T) {
			got := show(t, other)
			require.Len(t, got.Values, video.Dim, "reason: %s", got.Reason)
			assert.Greater(t, cosine(whole.Values, got.Values), 0.8)
		})
	}
}

func TestTheShippedNetsSeeNoFaceInASuit(t *testing.T) {
	suit := *portrait(t)
	suit.Height /= 2
	suit.Y, suit.Cb, suit.Cr = suit.Y[suit.Height*suit.YStride:], suit.Cb[suit.Height/2*suit.CStride:], suit.Cr[suit.Height/2*suit.CStride:]
	got := show(t, &suit)
	assert.Nil(t, got.Values)
	assert.Equal(t, ingest.ReasonNoFace, got.Reason)
}

// BenchmarkFaces is what the picture of a person costs, nets included, for a
// second of call.
func BenchmarkFaces(b *testing.B) {
	p := larger(portrait(b), 640, 480, 0)
	x, got := shippedFaces(b)
	s := ingest.Sample{Time: epoch, Payload: p}
	b.ReportAllocs()
	for b.Loop() {
		for range time.Second / video.Step {
			require.NoError(b, x.Extract(s, got.take))
			s.Time = s.Time.Add(video.Step)
		}
	}
	require.NotNil(b, got.vector.Values)
}
