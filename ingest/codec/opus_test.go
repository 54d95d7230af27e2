package codec_test

import (
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

const callWithOpus = "../../demo/call.webm"

func newOpus(tb testing.TB) *codec.Opus {
	tb.Helper()
	o, err := codec.NewOpus()
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, o.Close()) })
	return o
}

// fileSound is what a Decoder makes of the sound of a file that has no holes.
func fileSound(t *testing.T, path string) ingest.PCM {
	t.Helper()
	d, err := codec.Open(t.Context(), path, ingest.Audio, quiet)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	var all ingest.PCM
	for {
		u, err := d.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		switch p := u.Payload.(type) {
		case ingest.PCM:
			all = append(all, p...)
		case ingest.End:
		default:
			t.Fatalf("payload %T", p)
		}
	}
}

// liveSound is the sound of all packets, from the zero of the file on. Lost ones
// are recovered from the next where fec is set, or else concealed.
func liveSound(t *testing.T, units []unit, lost func(i int) bool, fec bool) ingest.PCM {
	t.Helper()
	o := newOpus(t)
	var all ingest.PCM
	for i, u := range units {
		length, err := codec.OpusDuration(u.data)
		require.NoError(t, err)
		n := len(all)
		switch {
		case !lost(i):
			all, err = o.Decode(all, u.data)
		case fec && i+1 < len(units) && !lost(i+1):
			all, err = o.Recover(all, units[i+1].data, length)
		default:
			all, err = o.Conceal(all, length)
		}
		require.NoError(t, err)
		require.Equal(t, length, all[n:].Duration())
	}
	return all[codec.OpusDelay*ingest.AudioRate/time.Second:]
}

func correlation(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range min(len(a), len(b)) {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

func none(int) bool { return false }

func TestLiveSoundIsThatOfTheFileAtTheSameTime(t *testing.T) {
	units := packets(t, callWithOpus, ingest.Audio)
	assert.InDelta(t, -codec.OpusDelay.Seconds(), units[0].at.Sub(zero).Seconds(), .001, "the container's time has the delay in it")
	file, live := fileSound(t, callWithOpus), liveSound(t, units, none, false)
	assert.InDelta(t, len(file), len(live), .02*ingest.AudioRate)
	assert.Greater(t, correlation(file, live), .999)
	// To a quarter of a sample: the neighbours agree less, and equally so.
	before, after := correlation(file[1:], live), correlation(file, live[1:])
	assert.Less(t, max(before, after), .9)
	assert.InDelta(t, before, after, .1)
}

func TestWhatIsLostIsRecoveredFromTheNextPacketOrMadeUp(t *testing.T) {
	units := packets(t, "testdata/fec.ogg", ingest.Audio)
	whole := liveSound(t, units, none, false)
	seventh := func(i int) bool { return i%7 == 3 }
	recovered, concealed := liveSound(t, units, seventh, true), liveSound(t, units, seventh, false)
	require.Len(t, recovered, len(whole))
	require.Len(t, concealed, len(whole))
	assert.Greater(t, correlation(whole, recovered), .98)
	assert.Greater(t, correlation(whole, concealed), .8)
	assert.Greater(t, correlation(whole, recovered), correlation(whole, concealed)+.02)
}

func TestAHoleIsFilledToTheSample(t *testing.T) {
	units := packets(t, "testdata/fec.ogg", ingest.Audio)
	o := newOpus(t)
	first, err := o.Decode(nil, units[20].data)
	require.NoError(t, err)
	for _, d := range []time.Duration{0, 10 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 7 * time.Millisecond, 60 * time.Millisecond, codec.MaxConceal} {
		want := len(first) + int((d*ingest.AudioRate+time.Second/2)/time.Second)
		var sound ingest.PCM
		sound, err = o.Conceal(first, d)
		require.NoError(t, err)
		assert.Len(t, sound, want, "%s", d)
		assert.Equal(t, first, sound[:len(first)])
		sound, err = o.Recover(first, units[25].data, d)
		require.NoError(t, err)
		assert.Len(t, sound, want, "%s", d)
	}
	for _, d := range []time.Duration{-1, codec.MaxConceal + 1} {
		var sound ingest.PCM
		sound, err = o.Conceal(first, d)
		require.ErrorIs(t, err, codec.ErrLimit)
		assert.Equal(t, first, sound)
		_, err = o.Recover(first, units[25].data, d)
		require.ErrorIs(t, err, codec.ErrLimit)
	}
	faded, err := o.Conceal(nil, codec.MaxConceal)
	require.NoError(t, err)
	for _, v := range faded[len(faded)/2:] {
		require.InDelta(t, 0, v, .01, "nobody is made to speak on")
	}
}

func TestAnOpusPacketThatIsNoneIsRefusedAndTheNextIsDecoded(t *testing.T) {
	units := packets(t, callWithOpus, ingest.Audio)
	o := newOpus(t)
	had := ingest.PCM{.5}
	for name, packet := range map[string][]byte{
		"nothing":              {},
		"no count of frames":   {0xff},
		"no frames":            {0xff, 0},
		"180 ms":               {0x1b, 3},
		"two frames, odd size": {0xf9, 1, 2, 3},
		"a frame beyond 1275":  append([]byte{0xf8}, make([]byte, 1300)...),
	} {
		_, err := o.Decode(nil, units[7].data)
		require.NoError(t, err)
		sound, err := o.Decode(had, packet)
		require.ErrorIs(t, err, codec.ErrDamaged, name)
		assert.Equal(t, had, sound)
		_, err = o.Recover(had, packet, 20*time.Millisecond)
		if len(packet) == 0 {
			require.ErrorIs(t, err, codec.ErrDamaged, name)
		}
		_, err = o.Decode(nil, units[8].data)
		require.NoError(t, err)
	}
	require.NoError(t, o.Close())
	require.NoError(t, o.Close())
	_, err := o.Decode(nil, units[0].data)
	require.ErrorIs(t, err, codec.ErrClosed)
	_, err = o.Conceal(nil, time.Millisecond)
	require.ErrorIs(t, err, codec.ErrClosed)
}

func TestTheDurationOfAnOpusPacketIsInItsFirstBytes(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		want   float64 // ms, 0 for an error
	}{
		{[]byte{0 << 3}, 10},
		{[]byte{3 << 3}, 60},
		{[]byte{11 << 3}, 60}, // SILK
		{[]byte{12 << 3}, 10},
		{[]byte{15 << 3}, 20}, // hybrid
		{[]byte{16 << 3}, 2.5},
		{[]byte{17 << 3}, 5},
		{[]byte{18 << 3}, 10},
		{[]byte{31 << 3}, 20},   // CELT
		{[]byte{31<<3 | 4}, 20}, // stereo
		{[]byte{31<<3 | 1}, 40},
		{[]byte{3<<3 | 2}, 120}, // two frames
		{[]byte{31<<3 | 3, 6}, 120},
		{[]byte{31<<3 | 3, 7}, 0},
		{[]byte{16<<3 | 3, 48 | 0xc0}, 120},
		{[]byte{31<<3 | 3, 0x80}, 0},
		{[]byte{31<<3 | 3}, 0},
		{nil, 0},
	} {
		d, err := codec.OpusDuration(c.packet)
		assert.InDelta(t, c.want, d.Seconds()*1000, 1e-9, "%x", c.packet)
		if c.want == 0 {
			require.ErrorIs(t, err, codec.ErrDamaged)
		} else {
			require.NoError(t, err)
		}
	}
}
