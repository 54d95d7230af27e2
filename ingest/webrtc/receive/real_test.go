package receive_test

import (
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/webrtc/receive"
)

// file decodes one modality of the demo call as a replay does.
func file(tb testing.TB, m ingest.Modality) *track {
	tb.Helper()
	d, err := codec.Open(tb.Context(), demo, m, quiet)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, d.Close()) }()
	d.StartAt(origin)
	t := &track{tb: tb}
	for {
		u, err := d.Next(tb.Context())
		if errors.Is(err, io.EOF) {
			return t
		}
		require.NoError(tb, err)
		t.emit(ingest.Sample{Time: u.Time, Payload: u.Payload})
	}
}

func TestPicturesOfACallWithoutLossAreThoseOfTheFile(t *testing.T) {
	want := file(t, ingest.Video).pictures()
	v, got, d := newVideo(t, codec.VP8)
	deliver(v, videoPackets(codec.VP8, units(t, ingest.Video), 65500, 0xffff_f000), nil)
	pictures := got.pictures()
	require.Len(t, pictures, len(want))
	for i := range want {
		require.WithinDuration(t, want[i].at, pictures[i].at, time.Millisecond)
		require.Equal(t, want[i].pixels, pictures[i].pixels, "picture %d", i)
	}
	assert.Empty(t, d)
	assert.Zero(t, got.gaps(ingest.ReasonLost))
}

func TestSoundOfACallWithoutLossIsThatOfTheFile(t *testing.T) {
	want := file(t, ingest.Audio)
	a, got, d := newAudio(t, receive.Default())
	deliver(a, opusPackets(units(t, ingest.Audio), 65500, 0xffff_f000), nil)
	assert.Empty(t, d)
	place := func(tr *track) []float64 {
		line := make([]float64, 40*ingest.AudioRate)
		for _, s := range tr.samples {
			p, _ := s.Payload.(ingest.PCM)
			for i, v := range p {
				if at := int(math.Round(s.Time.Sub(origin).Seconds()*ingest.AudioRate)) + i; at >= 0 && at < len(line) {
					line[at] = float64(v)
				}
			}
		}
		return line
	}
	w, g := place(want), place(got)
	alike := func(lag int) float64 {
		var wg, ww, gg float64
		for i := 100; i < len(w)-100; i++ {
			wg += w[i] * g[i+lag]
			ww += w[i] * w[i]
			gg += g[i+lag] * g[i+lag]
		}
		return wg / math.Sqrt(ww*gg)
	}
	best := 0
	for lag := -32; lag <= 32; lag++ {
		if alike(lag) > alike(best) {
			best = lag
		}
	}
	assert.LessOrEqual(t, max(best, -best), 8, "within half a millisecond")
	assert.Greater(t, alike(best), .99)
}

// With loss a picture is the one that the file has at that time, or there is none.
func TestNoPictureIsWrongWhateverIsLost(t *testing.T) {
	want := everyPicture(t, codec.VP8, keyed(t))
	for _, c := range []struct {
		name string
		lose func(rng *rand.Rand) func() bool
	}{
		{"one in a hundred", func(rng *rand.Rand) func() bool { return func() bool { return rng.Float64() < .01 } }},
		{"one in ten", func(rng *rand.Rand) func() bool { return func() bool { return rng.Float64() < .1 } }},
		{"one in five", func(rng *rand.Rand) func() bool { return func() bool { return rng.Float64() < .2 } }},
		{"bursts", func(rng *rand.Rand) func() bool {
			left := 0
			return func() bool {
				if left--; left < 0 && rng.Float64() < .02 {
					left = rng.IntN(20)
				}
				return left >= 0
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, got, d := newVideo(t, codec.VP8)
			rng := rand.New(rand.NewPCG(3, 4))
			lost, arrived := c.lose(rng), []sent(nil)
			for _, s := range videoPackets(codec.VP8, keyed(t), 1000, 5) {
				if lost() {
					continue
				}
				s.at += time.Duration(rng.IntN(25)) * time.Millisecond
				arrived = append(arrived, s)
				if rng.Float64() < .05 {
					arrived = append(arrived, s)
				}
			}
			asked := 0
			deliver(v, arrived, func(now time.Time) {
				if v.NeedsKeyFrame(now) {
					asked++
				}
			})
			pictures := got.pictures()
			t.Logf("%d pictures, key frame asked for %d times, %v, lost for %s", len(pictures), asked, d, got.gaps(ingest.ReasonLost))
			require.NotEmpty(t, pictures)
			for _, p := range pictures {
				// Times shake with the first arrivals; pictures are 66 ms apart.
				at, pixels := nearest(want, p.at.Sub(origin))
				require.Equal(t, pixels, p.pixels, "the picture at %s (%s)", p.at.Sub(origin), at)
			}
			assert.Positive(t, d[receive.ReasonBroken])
			assert.Positive(t, got.gaps(ingest.ReasonLost))
			assert.LessOrEqual(t, asked, 32)
		})
	}
}

func nearest(all map[time.Duration]string, at time.Duration) (best time.Duration, pixels string) {
	best = time.Hour
	for t, p := range all {
		if (t - at).Abs() < (best - at).Abs() {
			best, pixels = t, p
		}
	}
	return best, pixels
}
