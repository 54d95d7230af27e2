package codec_test

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

var quiet = slog.New(slog.DiscardHandler)

// zero is the capture time of a file's zero where no test sets another.
var zero = time.Unix(0, 0).UTC()

// stream is everything that a decoder gave.
type stream struct {
	sound    []float32
	pictures []picture
	gaps     []string
	end      time.Duration
	err      error // after the last unit
}

// picture is what the tests look at: the luma, blue and red difference in the
// middle of the four quarters, left to right and top to bottom.
type picture struct {
	at            time.Duration
	width, height int
	full          bool
	quarters      [4][3]int
}

func decode(t *testing.T, d *codec.Decoder) stream {
	t.Helper()
	var s stream
	last := time.Time{}
	for {
		u, err := d.Next(t.Context())
		if err != nil {
			s.err = err
			return s
		}
		require.False(t, u.Time.Before(last), "time ran backwards")
		last = u.Time
		switch p := u.Payload.(type) {
		case ingest.PCM:
			s.sound = append(s.sound, p...)
		case *ingest.Picture:
			s.pictures = append(s.pictures, look(u.Time.Sub(zero), p))
			p.Release()
		case ingest.Gap:
			s.gaps = append(s.gaps, u.Time.Sub(zero).Round(10*time.Millisecond).String()+" to "+p.End.Sub(zero).Round(10*time.Millisecond).String()+" "+string(p.Reason))
		case ingest.End:
			s.end = u.Time.Sub(zero)
		default:
			t.Fatalf("payload %T", p)
		}
	}
}

func look(at time.Duration, p *ingest.Picture) picture {
	seen := picture{at: at, width: p.Width, height: p.Height, full: p.FullRange}
	for i := range seen.quarters {
		x, y := p.Width/4+i%2*p.Width/2, p.Height/4+i/2*p.Height/2
		c := y/2*p.CStride + x/2
		seen.quarters[i] = [3]int{int(p.Y[y*p.YStride+x]), int(p.Cb[c]), int(p.Cr[c])}
	}
	return seen
}

func open(t *testing.T, name string, track ingest.Modality) *codec.Decoder {
	t.Helper()
	d, err := codec.Open(t.Context(), filepath.Join("testdata", name), track, quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// BT.601, limited range.
var (
	white = [3]int{235, 128, 128}
	black = [3]int{16, 128, 128}
	red   = [3]int{81, 90, 240}
	blue  = [3]int{41, 240, 110}

	dark    = [4][3]int{black, black, black, black}
	upright = [4][3]int{white, red, blue, black}
)

func assertColours(t *testing.T, want, got [4][3]int, tolerance float64) {
	t.Helper()
	for i := range want {
		for c := range want[i] {
			assert.InDelta(t, want[i][c], got[i][c], tolerance, "quarter %d: want %v, got %v", i, want[i], got[i])
		}
	}
}

func TestSoundOfEveryContainerBecomes16kHzMonoInTime(t *testing.T) {
	for name, loudness := range map[string]float64{
		"vp8-opus.webm": .5, "vp9-vorbis.webm": .5, "h264-flac.mkv": .5, "h264-aac.mp4": .5, "h264-aac.mov": .5, "h264-aac.ts": .5,
		"mpeg1-mp2.mpg": .5, "mpeg4-mp3.avi": .5, "pcm.wav": .5, "tone.flac": .5, "opus.ogg": .5, "vorbis.ogg": .5, "tone.mp3": .5, "cover.mp3": .5,
		"stereo.wav": .25, // one channel is silent: the mean of both
		"float.wav":  1,   // twice full scale and NaN: clipped and silenced
	} {
		t.Run(name, func(t *testing.T) {
			s := decode(t, open(t, name, ingest.Audio))
			require.ErrorIs(t, s.err, io.EOF)
			assert.Empty(t, s.gaps)
			assert.InDelta(t, 1.2*ingest.AudioRate, len(s.sound), .045*ingest.AudioRate)
			assert.InDelta(t, 1.2, s.end.Seconds(), .045)
			onset := .5 * ingest.AudioRate
			for i, v := range s.sound {
				if math.Abs(float64(v)) > .1 {
					assert.InDelta(t, onset, i, .03*ingest.AudioRate, "the tone begins half a second in")
					break
				}
			}
			crossings, sum, tone := 0, 0., s.sound[int(.6*ingest.AudioRate):int(1.1*ingest.AudioRate)]
			for i, v := range tone {
				require.LessOrEqual(t, v, float32(1))
				require.GreaterOrEqual(t, v, float32(-1))
				sum += float64(v * v)
				if i > 0 && tone[i-1] < 0 && v >= 0 {
					crossings++
				}
			}
			assert.InDelta(t, 220, crossings, 2, "440 Hz for half a second")
			if loudness < 1 {
				assert.InDelta(t, loudness/math.Sqrt2, math.Sqrt(sum/float64(len(tone))), .03)
			}
		})
	}
}

func TestPicturesOfEveryContainerBecomeI420FiveTimesASecond(t *testing.T) {
	for _, name := range []string{
		"vp8-opus.webm", "vp9-vorbis.webm", "h264-flac.mkv", "h264-aac.mp4", "h264-aac.mov", "h264-aac.ts", "mpeg1-mp2.mpg", "mpeg4-mp3.avi",
		"rgb.mkv", "ten-bit-444.mkv", "bt709.mkv",
	} {
		t.Run(name, func(t *testing.T) {
			s := decode(t, open(t, name, ingest.Video))
			require.ErrorIs(t, s.err, io.EOF)
			assert.Empty(t, s.gaps)
			require.Len(t, s.pictures, 7)
			for i, p := range s.pictures {
				assert.Equal(t, time.Duration(i), p.at/codec.PictureStep, "one in each step")
				assert.Equal(t, [2]int{64, 48}, [2]int{p.width, p.height})
				assert.False(t, p.full)
				want := upright
				if p.at < 500*time.Millisecond {
					want = dark
				}
				assertColours(t, want, p.quarters, 10)
			}
		})
	}
}

func TestPicturesComeOutUprightInSquarePixelsAndNotTooLarge(t *testing.T) {
	for _, c := range []struct {
		name          string
		width, height int
		want          [4][3]int
		full          bool
	}{
		{"turned-90.mp4", 48, 64, [4][3]int{red, black, white, blue}, false},
		{"turned-180.mp4", 64, 48, [4][3]int{black, blue, red, white}, false},
		{"turned-270.mp4", 48, 64, [4][3]int{blue, white, black, red}, false},
		{"wide-pixels.mkv", 128, 48, upright, false},
		{"large.mkv", 640, 480, upright, false},
		{"full-range.mkv", 64, 48, [4][3]int{{255, 128, 128}, {76, 85, 255}, {29, 255, 107}, {0, 128, 128}}, true},
		{"grey.mkv", 64, 48, [4][3]int{{255, 128, 128}, {76, 128, 128}, {29, 128, 128}, {0, 128, 128}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := decode(t, open(t, c.name, ingest.Video))
			require.ErrorIs(t, s.err, io.EOF)
			require.NotEmpty(t, s.pictures)
			p := s.pictures[5]
			assert.Equal(t, [2]int{c.width, c.height}, [2]int{p.width, p.height})
			assert.Equal(t, c.full, p.full)
			assertColours(t, c.want, p.quarters, 10)
		})
	}
}

func TestHolesAreSaidAndLeapsAreBounded(t *testing.T) {
	s := decode(t, open(t, "hole.mkv", ingest.Audio))
	require.ErrorIs(t, s.err, io.EOF)
	assert.Equal(t, []string{"830ms to 3.83s lost"}, s.gaps)
	assert.InDelta(t, 1.2*ingest.AudioRate, len(s.sound), 400)

	s = decode(t, open(t, "hole.mkv", ingest.Video))
	require.ErrorIs(t, s.err, io.EOF)
	assert.Equal(t, []string{"850ms to 3.85s lost"}, s.gaps)

	s = decode(t, open(t, "leap.mkv", ingest.Video))
	require.ErrorIs(t, s.err, io.EOF)
	assert.Equal(t, []string{"840ms to 1h0m0.84s lost"}, s.gaps, "ten hours are not believed")
	assert.Equal(t, codec.MaxGap+1240*time.Millisecond, s.end)

	s = decode(t, open(t, "leaps.mkv", ingest.Video))
	require.ErrorIs(t, s.err, codec.ErrLimit)
	assert.Len(t, s.gaps, 23, "24 hours at most")
}

func TestPicturesAreTakenOnTheGridOfUnixTime(t *testing.T) {
	d := open(t, "h264-aac.mp4", ingest.Video)
	start := d.Info().Created.Add(190 * time.Millisecond)
	d.StartAt(start)
	var at []time.Duration
	for {
		u, err := d.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if p, ok := u.Payload.(*ingest.Picture); ok {
			p.Release()
			at = append(at, u.Time.Sub(d.Info().Created).Truncate(codec.PictureStep))
		}
	}
	for i, step := range at {
		assert.Equal(t, time.Duration(i)*codec.PictureStep, step, "one picture in each step, none missing")
	}
	assert.Len(t, at, 7)
}

func TestInfoTellsWhatTheFileSays(t *testing.T) {
	i := open(t, "h264-aac.mp4", ingest.Audio).Info()
	assert.Equal(t, time.Date(2024, 5, 17, 9, 30, 0, 0, time.UTC), i.Created)
	assert.InDelta(t, 1.24, i.Duration.Seconds(), .03)
	require.Len(t, i.Streams, 2)
	assert.Equal(t, codec.Stream{Track: ingest.Video, Codec: "h264", Width: 64, Height: 48}, i.Streams[0])
	assert.Equal(t, codec.Stream{Track: ingest.Audio, Codec: "aac", Rate: 48000, Channels: 1}, i.Streams[1])
	assert.Equal(t, 1, i.Chosen)
	assert.True(t, open(t, "vp8-opus.webm", ingest.Video).Info().Created.IsZero())
}

func TestPicturesOutliveTheirDecoder(t *testing.T) {
	d, err := codec.Open(t.Context(), "testdata/rgb.mkv", ingest.Video, quiet)
	require.NoError(t, err)
	u, err := d.Next(t.Context())
	require.NoError(t, err)
	require.NoError(t, d.Close())
	p, ok := u.Payload.(*ingest.Picture)
	require.True(t, ok)
	assertColours(t, dark, look(0, p).quarters, 2)
	p.Release()
}
