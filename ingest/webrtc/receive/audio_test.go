package receive_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/webrtc/receive"
)

// lsb is one step of 16 bits: features/audio takes what is not above it for
// digital silence.
const lsb = 1. / (1 << 15)

func rms(p ingest.PCM) float64 {
	sum := 0.
	for _, v := range p {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(p), 1)))
}

// requireSeamless checks that sound, and gaps, follow each other without a hole.
func requireSeamless(tb testing.TB, got *track) {
	tb.Helper()
	var end time.Time
	for _, s := range got.samples {
		if _, ok := s.Payload.(ingest.End); ok {
			return
		}
		if !end.IsZero() {
			require.InDelta(tb, 0, s.Time.Sub(end).Seconds(), .0021, "%T at %s", s.Payload, s.Time.Sub(origin))
		}
		switch p := s.Payload.(type) {
		case ingest.PCM:
			end = s.Time.Add(p.Duration())
		case ingest.Gap:
			end = p.End
		}
	}
}

func TestALostPacketIsMadeUpAndCounted(t *testing.T) {
	a, got, d := newAudio(t, receive.Default())
	all := opusPackets(units(t, ingest.Audio)[:200], 65500, 0xffff_ff00)
	deliver(a, slices.Delete(all, 100, 101), nil)
	requireSeamless(t, got)
	assert.Equal(t, drops{receive.ReasonConcealed: 1}, d)
	assert.Zero(t, got.gaps(ingest.ReasonLost))
	assert.InDelta(t, 4, got.sound().Duration().Seconds(), .001)
}

func TestForwardErrorCorrectionBringsTheLostPacketBack(t *testing.T) {
	all := opusPackets(unitsOf(t, "fec.ogg", ingest.Audio), 1, 1)
	a, whole, _ := newAudio(t, receive.Default())
	deliver(a, all, nil)
	a, got, _ := newAudio(t, receive.Default())
	deliver(a, slices.DeleteFunc(slices.Clone(all), func(s sent) bool { return s.pkt.SequenceNumber%5 == 3 }), nil)
	requireSeamless(t, got)
	w, g := whole.sound(), got.sound()
	require.Len(t, g, len(w))
	diff := make(ingest.PCM, len(w))
	for i := range w {
		diff[i] = w[i] - g[i]
	}
	t.Logf("signal to error: %.1f dB", 20*math.Log10(rms(w)/rms(diff)))
	assert.Less(t, rms(diff), .35*rms(w), "a fifth of it was lost")
}

func TestALongHoleIsMadeUpAtItsBeginningAndThenLost(t *testing.T) {
	a, got, d := newAudio(t, receive.Default())
	all := opusPackets(units(t, ingest.Audio)[:200], 1, 1)
	deliver(a, slices.Delete(all, 100, 150), nil)
	requireSeamless(t, got)
	assert.Equal(t, drops{receive.ReasonConcealed: 6, receive.ReasonLost: 44}, d)
	assert.InDelta(t, .88, got.gaps(ingest.ReasonLost).Seconds(), .001)
	assert.InDelta(t, 3+.12, got.sound().Duration().Seconds(), .001)
}

func TestAtMostAQuarterOfTheSoundIsMadeUp(t *testing.T) {
	for _, loss := range []float64{.05, .1, .2, .4, .6} {
		a, got, d := newAudio(t, receive.Default())
		rng := rand.New(rand.NewPCG(1, 1))
		all := slices.DeleteFunc(opusPackets(units(t, ingest.Audio), 1, 1), func(s sent) bool { return s.at > 0 && rng.Float64() < loss })
		deliver(a, all, nil)
		requireSeamless(t, got)
		sound, lost := got.sound().Duration(), got.gaps(ingest.ReasonLost)
		made := sound - time.Duration(len(all))*20*time.Millisecond
		t.Logf("%.0f %% lost: %s made up, %s lost, %v", 100*loss, made, lost, d)
		assert.LessOrEqual(t, made, sound/4+120*time.Millisecond)
		if loss <= .1 {
			assert.Less(t, lost, 500*time.Millisecond)
		}
		assert.Positive(t, d[receive.ReasonConcealed])
	}
}

func TestJitterReorderingAndDuplicatesChangeNothing(t *testing.T) {
	all := opusPackets(units(t, ingest.Audio)[:1000], 65000, 0xffff_0000)
	a, want, _ := newAudio(t, receive.Default())
	deliver(a, all, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	var arrived []sent
	for i, s := range all {
		if i > 0 {
			s.at += time.Duration(rng.IntN(50)) * time.Millisecond
		}
		arrived = append(arrived, s)
		if rng.Float64() < .1 {
			s.at += time.Duration(rng.IntN(100)) * time.Millisecond
			arrived = append(arrived, s)
		}
	}
	a, got, d := newAudio(t, receive.Default())
	deliver(a, arrived, nil)
	assert.Equal(t, want.sound(), got.sound())
	assert.Equal(t, drops{receive.ReasonDuplicate: len(arrived) - len(all)}, d)
	requireSeamless(t, got)
}

// dtx is what Chrome sends of a silent microphone: a packet without sound every
// 400 ms.
func dtx(from time.Duration, n int) (out []codec.Packet) {
	for i := range n {
		out = append(out, codec.Packet{Time: from + time.Duration(i)*400*time.Millisecond, Data: []byte{0xf8}})
	}
	return out
}

// quietFrames are what an encoder makes of digital silence.
func quietFrames(n int) (out []codec.Packet) {
	for i := range n {
		out = append(out, codec.Packet{Time: time.Duration(i) * 20 * time.Millisecond, Data: []byte{0xf8, 0xff, 0xfe}})
	}
	return out
}

func TestSilenceThatIsNotSentIsFilledWithNoiseThatIsNotMute(t *testing.T) {
	for name, talk := range map[string][]codec.Packet{"after talk": units(t, ingest.Audio)[:150], "after digital silence": quietFrames(150)} {
		t.Run(name, func(t *testing.T) {
			a, got, d := newAudio(t, receive.Default())
			again := slices.Clone(talk)
			for i := range again {
				again[i].Time += 7 * time.Second
			}
			deliver(a, opusPackets(slices.Concat(talk, dtx(3*time.Second, 10), again), 65530, 7), nil)
			requireSeamless(t, got)
			assert.Empty(t, d)
			assert.Zero(t, got.gaps(ingest.ReasonLost)+got.gaps(ingest.ReasonMuted))
			sound := got.sound()
			assert.InDelta(t, 10, sound.Duration().Seconds(), .01)
			pause := sound[int(3.5*ingest.AudioRate):int(6.9*ingest.AudioRate)]
			assert.Less(t, rms(pause), 3e-3, "comfort noise, below -50 dB")
			zeros, longest := 0, 0
			for _, v := range pause {
				zeros++
				if math.Abs(float64(v)) > lsb {
					zeros = 0
				}
				longest = max(longest, zeros)
			}
			assert.Less(t, time.Duration(longest)*time.Second/ingest.AudioRate, 100*time.Millisecond)
		})
	}
}

func TestAPacketThatIsLostInSilenceIsSilence(t *testing.T) {
	a, got, d := newAudio(t, receive.Default())
	all := opusPackets(slices.Concat(units(t, ingest.Audio)[:50], dtx(time.Second, 10)), 1, 1)
	deliver(a, slices.Delete(all, 55, 56), nil)
	requireSeamless(t, got)
	assert.Equal(t, drops{receive.ReasonConcealed: 1}, d)
	assert.Zero(t, got.gaps(ingest.ReasonLost))
}

// A track that is not enabled sends frames that say that they are silent.
func TestTheSoundOfAMutedTrackIsDigitalSilence(t *testing.T) {
	a, got, d := newAudio(t, receive.Default())
	all := units(t, ingest.Audio)[:50]
	for _, q := range quietFrames(100) {
		q.Time += time.Second
		all = append(slices.Clip(all), q)
	}
	deliver(a, opusPackets(all, 1, 1), nil)
	assert.Empty(t, d)
	for _, v := range got.sound()[int(1.1*ingest.AudioRate):] {
		require.LessOrEqual(t, math.Abs(float64(v)), lsb)
	}
}

func TestATrackThatWasStoppedForAWhileWasMuted(t *testing.T) {
	a, got, d := newAudio(t, receive.Default())
	all := units(t, ingest.Audio)[:100]
	for i := range all {
		if i >= 50 {
			all = slices.Clone(all)
			all[i].Time += 4 * time.Second
		}
	}
	deliver(a, opusPackets(all, 1, 1), nil)
	requireSeamless(t, got)
	assert.Empty(t, d)
	assert.InDelta(t, 4, got.gaps(ingest.ReasonMuted).Seconds(), .001)
}

func TestAnotherSSRCGoesOnInTime(t *testing.T) {
	behind := 24000
	for _, jump := range []uint32{1 << 31, 0, -uint32(behind)} {
		a, got, d := newAudio(t, receive.Default())
		all := opusPackets(units(t, ingest.Audio)[:100], 1, 1)
		for i := range all {
			if i >= 50 {
				all[i].pkt.SSRC = 7
				all[i].pkt.SequenceNumber += 12345
				all[i].pkt.Timestamp += jump
				all[i].at += 300 * time.Millisecond
			}
		}
		deliver(a, all, nil)
		assert.Empty(t, d)
		assert.InDelta(t, 2, got.sound().Duration().Seconds(), .001)
		last := got.samples[len(got.samples)-2]
		assert.InDelta(t, 2.28, last.Time.Sub(origin).Seconds(), .01)
	}
}

func TestMalformedPacketsAreCountedAndLeftOut(t *testing.T) {
	a, got, d := newAudio(t, receive.Default())
	all := opusPackets(units(t, ingest.Audio)[:100], 1, 1)
	all[50].pkt.Payload = []byte{0xff} // promises a count of frames and has none
	all[60].pkt.Payload = nil          // padding
	deliver(a, all, nil)
	assert.Equal(t, 1, d[receive.ReasonMalformed])
	assert.InDelta(t, 2, got.sound().Duration().Seconds(), .041)
}

func TestTheEndComesOnceAndLast(t *testing.T) {
	a, got, _ := newAudio(t, receive.Default())
	all := opusPackets(units(t, ingest.Audio)[:10], 1, 1)
	deliver(a, slices.Delete(all, 8, 9), nil)
	end := got.samples[len(got.samples)-1]
	assert.Equal(t, ingest.End{}, end.Payload)
	assert.InDelta(t, .2, got.sound().Duration().Seconds(), .001, "what waited comes before")
	a.Tick(origin.Add(time.Hour))
	a.Report(&rtcp.SenderReport{SSRC: 1, NTPTime: 1 << 40}, origin)

	it, never := newTrack(t, ingest.Audio)
	b, err := receive.NewPeer(receive.Default(), drops{}).NewAudio(it, "audio/opus", 48000, never.emit)
	require.NoError(t, err)
	b.End(origin, ingest.ReasonPolicy)
	require.NoError(t, b.Close())
	require.NoError(t, b.Close())
	require.Len(t, never.samples, 1)
	assert.Equal(t, ingest.End{Reason: ingest.ReasonPolicy}, never.samples[0].Payload)
	assert.Equal(t, origin, never.samples[0].Time)
}
