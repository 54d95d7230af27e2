package receive_test

import (
	"encoding/binary"
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

// event is a packet of one of two tracks, or a report.
type event struct {
	to     receiver
	packet *sent
	report *rtcp.SenderReport
	at     time.Duration
}

// The sender's clock runs 200 ppm fast and counts from 1900; its camera starts 700 ms
// after its microphone, and pictures take longer to the network than sound.
func TestSoundAndPicturesOfOneMomentGetOneTime(t *testing.T) {
	const drift = 1 + 200e-6
	for _, how := range []string{"sender reports", "abs-capture-time", "nothing"} {
		t.Run(how, func(t *testing.T) {
			peer := receive.NewPeer(receive.Default(), drops{})
			it, sound := newTrack(t, ingest.Audio)
			a, err := peer.NewAudio(it, "audio/opus", 48000, sound.emit)
			require.NoError(t, err)
			it, sight := newTrack(t, ingest.Video)
			v, err := peer.NewVideo(it, codec.VP8, sight.emit, quiet)
			require.NoError(t, err)
			defer func() { require.NoError(t, a.Close()); require.NoError(t, v.Close()) }()

			rng := rand.New(rand.NewPCG(9, 9))
			way := func() time.Duration {
				return time.Duration(rng.Float64() * rng.Float64() * float64(30*time.Millisecond))
			}
			ntp := func(captured time.Duration) uint64 { return uint64(captured.Seconds()*drift*(1<<32)) + 1<<32 }
			var all []event
			add := func(to receiver, packets []sent, rate, start, delay time.Duration, first, every time.Duration) {
				stamp := func(captured time.Duration) uint32 {
					return uint32(int64(captured.Seconds() * drift * float64(rate)))
				}
				for i := range packets {
					p := &packets[i]
					captured := p.at + start
					p.pkt.Timestamp = stamp(captured)
					if how == "abs-capture-time" && i%20 == 0 {
						p.ext.AbsCaptureTime = binary.BigEndian.AppendUint64(nil, ntp(captured))
					}
					p.at = captured + delay + way()
					all = append(all, event{to: to, packet: p, at: p.at})
				}
				for at := start + first; how == "sender reports" && at < 50*time.Second; at += every {
					sr := &rtcp.SenderReport{SSRC: packets[0].pkt.SSRC, NTPTime: ntp(at), RTPTime: stamp(at)}
					all = append(all, event{to: to, report: sr, at: at + way()})
				}
			}
			add(a, opusPackets(units(t, ingest.Audio), 1, 0), 48000, 0, 30*time.Millisecond, 2400*time.Millisecond, 5*time.Second)
			add(v, videoPackets(codec.VP8, units(t, ingest.Video), 1, 0), 90000, 700*time.Millisecond, 80*time.Millisecond, 600*time.Millisecond, time.Second)
			slices.SortStableFunc(all, func(a, b event) int { return int(a.at - b.at) })
			for _, e := range all {
				if e.report != nil {
					e.to.Report(e.report, origin.Add(e.at))
					continue
				}
				a.Tick(origin.Add(e.at))
				v.Tick(origin.Add(e.at))
				e.to.Push(&e.packet.pkt, e.packet.ext, origin.Add(e.at))
			}

			// What each gave, against when it was captured.
			audioOff := soundOffsets(t, sound)
			videoOff := pictureOffsets(t, sight, 700*time.Millisecond)
			require.Greater(t, len(videoOff), 150)
			apart, bound := time.Duration(0), time.Duration(0)
			for _, g := range videoOff {
				i, _ := slices.BinarySearchFunc(audioOff, g.captured, func(o offset, at time.Duration) int { return int(o.captured - at) })
				if i == len(audioOff) {
					break
				}
				off := (g.off - audioOff[i].off).Abs()
				assert.LessOrEqual(t, off, max(g.clock.ErrorBound, audioOff[i].clock.ErrorBound), "at %s, %v", g.captured, g.clock)
				if g.captured > 20*time.Second {
					apart, bound = max(apart, off), max(bound, g.clock.ErrorBound)
				}
			}
			last := videoOff[len(videoOff)-1].clock
			t.Logf("after 20 s: apart at most %s, bound at most %s, by %s", apart, bound, last.Source)
			switch how {
			case "sender reports":
				assert.Equal(t, ingest.ClockSenderReport, last.Source)
				assert.LessOrEqual(t, bound, 10*time.Millisecond)
			case "abs-capture-time":
				assert.Equal(t, ingest.ClockAbsCaptureTime, last.Source)
				assert.LessOrEqual(t, bound, 10*time.Millisecond)
			default:
				assert.Equal(t, ingest.ClockArrival, last.Source)
			}
		})
	}
}

type offset struct {
	captured, off time.Duration
	clock         ingest.Clock
}

// soundOffsets: each packet gave one piece of sound.
func soundOffsets(tb testing.TB, got *track) (out []offset) {
	tb.Helper()
	all := units(tb, ingest.Audio)
	require.Len(tb, got.samples, len(all))
	for i, s := range got.samples {
		out = append(out, offset{all[i].Time, s.Time.Sub(origin) - all[i].Time, s.Clock})
	}
	return out
}

// pictureOffsets: a picture is known by its pixels.
func pictureOffsets(tb testing.TB, got *track, start time.Duration) (out []offset) {
	tb.Helper()
	when := map[string]time.Duration{}
	for at, pixels := range everyPicture(tb, codec.VP8, units(tb, ingest.Video)) {
		if _, twice := when[pixels]; twice {
			at = -1
		}
		when[pixels] = at
	}
	clocks := map[time.Time]ingest.Clock{}
	for _, s := range got.samples {
		clocks[s.Time] = s.Clock
	}
	for _, p := range got.pictures() {
		if at := when[p.pixels]; at >= 0 {
			out = append(out, offset{at + start, p.at.Sub(origin) - at - start, clocks[p.at]})
		}
	}
	return out
}
