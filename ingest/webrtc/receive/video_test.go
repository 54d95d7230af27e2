package receive_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/webrtc/receive"
)

// layered cuts VP8 units into packets with the descriptor of a sender with three
// temporal layers: 0 2 1 2.
func layered(all []codec.Packet) (out []sent) {
	seq, tl0 := uint16(65530), byte(250)
	for i, u := range all {
		tid := [4]byte{0, 2, 1, 2}[i%4]
		if tid == 0 {
			tl0++
		}
		for rest := u.Data; len(rest) > 0; {
			n := min(len(rest), 400)
			first := byte(0x80)
			if tid == 2 {
				first |= 0x20
			}
			if len(rest) == len(u.Data) {
				first |= 0x10
			}
			id := 32760 + i
			payload := slices.Concat([]byte{first, 0xe0, 0x80 | byte(id>>8), byte(id), tl0, tid << 6}, rest[:n])
			rest = rest[n:]
			out = append(out, sent{at: u.Time, pkt: rtp.Packet{
				Header:  rtp.Header{SequenceNumber: seq, Timestamp: uint32(u.Time * 90 / time.Millisecond), Marker: len(rest) == 0, SSRC: 2},
				Payload: payload,
			}})
			seq++
		}
	}
	return out
}

func requireExact(tb testing.TB, all map[time.Duration]string, pictures []picture) {
	tb.Helper()
	require.NotEmpty(tb, pictures)
	for _, p := range pictures {
		at, pixels := nearest(all, p.at.Sub(origin))
		require.Equal(tb, pixels, p.pixels, "the picture at %s (%s)", p.at.Sub(origin), at)
	}
}

func TestHigherLayersAreSkippedWhenTheStepHasItsPicture(t *testing.T) {
	all := unitsOf(t, "layers.webm", ingest.Video)
	v, got, d := newVideo(t, codec.VP8)
	deliver(v, layered(all), nil)
	pictures := got.pictures()
	requireExact(t, everyPicture(t, codec.VP8, all), pictures)
	assert.Len(t, pictures, 6, "one in each step of 1.2 s")
	assert.Greater(t, d[receive.ReasonSkipped], len(all)/2)
	delete(d, receive.ReasonSkipped)
	assert.Empty(t, d)
}

func TestALossInAHigherLayerLeavesTheLowestExact(t *testing.T) {
	all := unitsOf(t, "layers.webm", ingest.Video)
	v, got, d := newVideo(t, codec.VP8)
	var arrived []sent
	for _, s := range layered(all) {
		if s.pkt.Payload[5]>>6 == 2 || s.pkt.Payload[5]>>6 == 1 && s.at > 500*time.Millisecond {
			continue
		}
		arrived = append(arrived, s)
	}
	asked := false
	deliver(v, arrived, func(now time.Time) { asked = asked || v.NeedsKeyFrame(now) })
	assert.False(t, asked)
	assert.Zero(t, got.gaps(ingest.ReasonLost))
	assert.Positive(t, d[receive.ReasonLost])
	pictures := got.pictures()
	requireExact(t, everyPicture(t, codec.VP8, all), pictures)
	assert.Len(t, pictures, 6)
}

// Two spatial layers, of which the higher one is lost now and then.
func TestOfSpatialLayersTheLowestIsTaken(t *testing.T) {
	all := unitsOf(t, "vp9-vorbis.webm", ingest.Video)
	var arrived []sent
	for i, u := range all {
		rest, seq := u.Data, uint16(4*i)
		header := []byte{0xa0, 0x80 | byte(i>>8), byte(i), 0, byte(i)} // I and L, not flexible
		if i > 0 {
			header[0] |= 0x40
		}
		for part := range 4 {
			n := min(len(rest), (len(u.Data)+1)/2)
			h := slices.Clone(header)
			h[0] |= [4]byte{0x08, 0x04, 0x08, 0x04}[part]
			data := []byte{0xff, 0xff}
			if part < 2 {
				data, rest = rest[:n], rest[n:]
			} else {
				h[3] = 1 << 1
			}
			if part > 1 && i%3 == 1 {
				continue
			}
			arrived = append(arrived, sent{at: u.Time, pkt: rtp.Packet{
				Header:  rtp.Header{SequenceNumber: seq + uint16(part), Timestamp: uint32(u.Time * 90 / time.Millisecond), Marker: part == 3},
				Payload: slices.Concat(h, data),
			}})
		}
	}
	v, got, d := newVideo(t, codec.VP9)
	deliver(v, arrived, nil)
	assert.Zero(t, d[receive.ReasonBroken])
	assert.Positive(t, d[receive.ReasonLost])
	pictures := got.pictures()
	requireExact(t, everyPicture(t, codec.VP9, all), pictures)
	assert.Len(t, pictures, 7)
}

func TestEveryCodecIsExactWithAndWithoutLoss(t *testing.T) {
	for _, c := range []struct {
		codec codec.VideoCodec
		file  string
	}{
		{codec.VP9, "vp9-vorbis.webm"}, {codec.H264, "layers.mkv"}, {codec.H264, "slices.mkv"}, {codec.VP8, "vp8-opus.webm"},
	} {
		for _, loss := range []float64{0, .1, .3} {
			t.Run(string(c.codec)+" "+c.file, func(t *testing.T) {
				all := unitsOf(t, c.file, ingest.Video)
				want := everyPicture(t, c.codec, all)
				var loop []codec.Packet // again and again from its key frame
				every := all[1].Time - all[0].Time
				for range 20 {
					for _, u := range all {
						u.Time = time.Duration(len(loop)) * every
						loop = append(loop, u)
					}
				}
				index := map[time.Duration]string{}
				for i, u := range loop {
					index[u.Time] = want[all[i%len(all)].Time]
				}
				v, got, d := newVideo(t, c.codec)
				rng := rand.New(rand.NewPCG(5, 6))
				arrived := slices.DeleteFunc(videoPackets(c.codec, loop, 65000, 77), func(sent) bool { return rng.Float64() < loss })
				deliver(v, arrived, nil)
				pictures := got.pictures()
				requireExact(t, index, pictures)
				t.Logf("%d pictures of %s, %v", len(pictures), loop[len(loop)-1].Time, d)
				if loss == 0 {
					assert.InDelta(t, loop[len(loop)-1].Time/codec.PictureStep, len(pictures), 2)
					delete(d, receive.ReasonSkipped)
					assert.Empty(t, d)
				}
			})
		}
	}
}

func TestAKeyFrameIsAskedForOnceASecondWhileFramesAreBroken(t *testing.T) {
	v, got, _ := newVideo(t, codec.VP8)
	assert.False(t, v.NeedsKeyFrame(origin), "nothing has come yet")
	all := videoPackets(codec.VP8, units(t, ingest.Video)[:60], 1, 1)
	all = all[9:] // not the key frame
	var asked []time.Duration
	deliver(v, all, func(now time.Time) {
		if v.NeedsKeyFrame(now) {
			asked = append(asked, now.Sub(origin))
		}
	})
	require.Len(t, asked, 5, "%v", asked)
	for i := range asked[1:] {
		assert.GreaterOrEqual(t, asked[i+1]-asked[i], time.Second)
	}
	assert.Empty(t, got.pictures())
	assert.InDelta(t, 3.9, got.gaps(ingest.ReasonLost).Seconds(), .3, "all of it is said to be lost")
}

func TestPicturesStandUprightAsTheSenderSays(t *testing.T) {
	v, got, _ := newVideo(t, codec.VP8)
	all := videoPackets(codec.VP8, units(t, ingest.Video)[:40], 1, 1)
	for i := range all {
		switch {
		case !all[i].pkt.Marker: // only the last packet of a frame says it
		case all[i].at < time.Second:
			all[i].ext.Orientation = []byte{0x08 | 1} // the back camera
		case all[i].at < 2*time.Second: // as before
		default:
			all[i].ext.Orientation = []byte{0}
		}
	}
	deliver(v, all, nil)
	for _, p := range got.pictures() {
		turned := p.at.Sub(origin) < 2*time.Second
		assert.Equal(t, turned, p.h > p.w, "at %s", p.at.Sub(origin))
	}
}

func TestAnotherSSRCBeginsWithItsOwnKeyFrame(t *testing.T) {
	v, got, d := newVideo(t, codec.VP8)
	all := videoPackets(codec.VP8, keyed(t)[:60], 1, 1)
	for i := range all {
		if all[i].at > 1200*time.Millisecond {
			all[i].pkt.SSRC = 99
			all[i].pkt.SequenceNumber += 20000
			all[i].pkt.Timestamp += 1 << 30
		}
	}
	late := all[3]
	late.at = 1500 * time.Millisecond
	all = append(all, late)
	deliver(v, all, nil)
	requireExact(t, everyPicture(t, codec.VP8, keyed(t)[:60]), got.pictures())
	assert.Equal(t, 1, d[receive.ReasonLate], "what comes of the old one")
	assert.InDelta(t, .8, got.gaps(ingest.ReasonLost).Seconds(), .1, "until its key frame at 2 s")
	last := got.samples[len(got.samples)-2]
	assert.InDelta(t, 3.8, last.Time.Sub(origin).Seconds(), .15)
}

func TestACodecSwitchEndsOneVideoAndBeginsAnother(t *testing.T) {
	d := drops{}
	it, got := newTrack(t, ingest.Video)
	peer := receive.NewPeer(receive.Default(), d)
	first, err := peer.NewVideo(it, codec.VP8, got.emit, quiet)
	require.NoError(t, err)
	for _, s := range videoPackets(codec.VP8, units(t, ingest.Video)[:20], 1, 1) {
		first.Push(&s.pkt, s.ext, origin.Add(s.at))
	}
	first.End(origin.Add(1400*time.Millisecond), "")
	require.NoError(t, first.Close())
	_, ended := got.samples[len(got.samples)-1].Payload.(ingest.End)
	require.True(t, ended)
	first.Push(&rtp.Packet{Payload: []byte{1}}, receive.Extensions{}, origin)
	assert.Equal(t, 1, d[receive.ReasonEnded])

	it, got = newTrack(t, ingest.Video)
	second, err := peer.NewVideo(it, codec.VP9, got.emit, quiet)
	require.NoError(t, err)
	for _, s := range videoPackets(codec.VP9, unitsOf(t, "vp9-vorbis.webm", ingest.Video), 1, 1) {
		second.Push(&s.pkt, s.ext, origin.Add(1500*time.Millisecond+s.at))
	}
	assert.NotEmpty(t, got.pictures())
	require.NoError(t, second.Close())
}

func TestACameraThatIsOffGivesNothing(t *testing.T) {
	v, got, d := newVideo(t, codec.VP8)
	all := videoPackets(codec.VP8, keyed(t)[:30], 1, 1)
	for i := range all {
		if all[i].at >= time.Second {
			all[i].at += 10 * time.Second
			all[i].pkt.Timestamp += 10 * 90000
		}
	}
	deliver(v, all, nil)
	assert.Empty(t, d)
	for i, s := range got.samples[1:] {
		assert.False(t, s.Time.Before(got.samples[i].Time))
	}
	assert.Len(t, got.pictures(), 10)
	assert.Zero(t, got.gaps(ingest.ReasonLost), "nothing was lost")
}

func TestACodecThatIsNotReceivedIsRefused(t *testing.T) {
	it, got := newTrack(t, ingest.Video)
	_, err := receive.NewPeer(receive.Default(), drops{}).NewVideo(it, "AV1", got.emit, quiet)
	require.ErrorIs(t, err, receive.ErrCodec)
	_, err = receive.NewPeer(receive.Default(), drops{}).NewAudio(it, "audio/PCMU", 8000, got.emit)
	require.ErrorIs(t, err, receive.ErrCodec)
}
