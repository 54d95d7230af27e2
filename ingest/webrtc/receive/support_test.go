package receive_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/webrtc/receive"
)

// demo is a call with VP8 and Opus.
const demo = "../../../demo/call.webm"

var (
	quiet  = slog.New(slog.DiscardHandler)
	origin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// units returns the encoded units of one modality of the demo call.
func units(tb testing.TB, m ingest.Modality) []codec.Packet {
	tb.Helper()
	all, err := demoPackets()
	require.NoError(tb, err)
	return all[m]
}

var demoPackets = sync.OnceValues(func() (map[ingest.Modality][]codec.Packet, error) { return packets(demo) })

// unitsOf returns those of a file among the test data of ingest/codec.
func unitsOf(tb testing.TB, name string, m ingest.Modality) []codec.Packet {
	tb.Helper()
	all, err := packets("../../codec/testdata/" + name)
	require.NoError(tb, err)
	require.NotEmpty(tb, all[m])
	return all[m]
}

func packets(path string) (map[ingest.Modality][]codec.Packet, error) {
	p, err := codec.OpenPackets(context.Background(), path, quiet)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Close() }()
	streams, all := p.Streams(), map[ingest.Modality][]codec.Packet{}
	for {
		u, err := p.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		m := streams[u.Stream].Track
		u.Data = slices.Clone(u.Data)
		all[m] = append(all[m], u)
	}
}

// drops counts by reason.
type drops map[string]int

func (d drops) Drop(_ ingest.Modality, reason string, n int) { d[reason] += n }

// track collects what comes out of one track.
type track struct {
	tb      testing.TB
	samples []ingest.Sample
}

func (t *track) emit(s ingest.Sample) {
	if n := len(t.samples); n > 0 {
		require.False(t.tb, s.Time.Before(t.samples[n-1].Time), "time ran backwards: %T at %s after %s", s.Payload, s.Time, t.samples[n-1].Time)
		_, ended := t.samples[n-1].Payload.(ingest.End)
		require.False(t.tb, ended, "%T after the end", s.Payload)
	}
	t.samples = append(t.samples, s)
}

func (t *track) gaps(reason ingest.Reason) (total time.Duration) {
	for _, s := range t.samples {
		if g, ok := s.Payload.(ingest.Gap); ok {
			require.True(t.tb, g.End.After(s.Time))
			if g.Reason == reason {
				total += g.End.Sub(s.Time)
			}
		}
	}
	return total
}

func (t *track) sound() (pcm ingest.PCM) {
	for _, s := range t.samples {
		if p, ok := s.Payload.(ingest.PCM); ok {
			pcm = append(pcm, p...)
		}
	}
	return pcm
}

// picture is what is left of one that a decoder gave.
type picture struct {
	at     time.Time
	pixels string // a hash of all of them
	w, h   int
}

func pictureOf(at time.Time, p *ingest.Picture) picture {
	h := sha256.New()
	for y := range p.Height {
		h.Write(p.Y[y*p.YStride:][:p.Width])
	}
	for y := range (p.Height + 1) / 2 {
		h.Write(p.Cb[y*p.CStride:][:(p.Width+1)/2])
		h.Write(p.Cr[y*p.CStride:][:(p.Width+1)/2])
	}
	p.Release()
	return picture{at: at, w: p.Width, h: p.Height, pixels: hex.EncodeToString(h.Sum(nil))}
}

func (t *track) pictures() (all []picture) {
	for _, s := range t.samples {
		if p, ok := s.Payload.(*ingest.Picture); ok {
			all = append(all, pictureOf(s.Time, p))
		}
	}
	return all
}

func newTrack(tb testing.TB, m ingest.Modality) (*ingest.Track, *track) {
	tb.Helper()
	p, err := ingest.NewParticipant("call", "alice")
	require.NoError(tb, err)
	return &ingest.Track{Participant: p, Modality: m}, &track{tb: tb}
}

func newAudio(tb testing.TB, cfg receive.Config) (*receive.Audio, *track, drops) {
	tb.Helper()
	d := drops{}
	it, t := newTrack(tb, ingest.Audio)
	a, err := receive.NewPeer(cfg, d).NewAudio(it, "audio/OPUS", 48000, t.emit)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, a.Close()) })
	return a, t, d
}

func newVideo(tb testing.TB, c codec.VideoCodec) (*receive.Video, *track, drops) {
	tb.Helper()
	d := drops{}
	it, t := newTrack(tb, ingest.Video)
	v, err := receive.NewPeer(receive.Default(), d).NewVideo(it, c, t.emit, quiet)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, v.Close()) })
	return v, t, d
}

// receiver is what Audio and Video have in common.
type receiver interface {
	Push(pkt *rtp.Packet, ext receive.Extensions, arrival time.Time)
	Report(sr *rtcp.SenderReport, arrival time.Time)
	Tick(now time.Time)
	End(now time.Time, reason ingest.Reason)
}

// sent is a packet and when it arrives.
type sent struct {
	pkt rtp.Packet
	ext receive.Extensions
	at  time.Duration
}

// deliver plays packets in the order of their arrival, with a Tick every 20 ms, and
// ends the track.
func deliver(r receiver, packets []sent, each func(now time.Time)) {
	packets = slices.Clone(packets)
	slices.SortStableFunc(packets, func(a, b sent) int { return int(a.at - b.at) })
	now := time.Duration(0)
	tick := func(until time.Duration) {
		for ; now < until; now += 20 * time.Millisecond {
			r.Tick(origin.Add(now))
			if each != nil {
				each(origin.Add(now))
			}
		}
	}
	for i := range packets {
		tick(packets[i].at)
		pkt := packets[i].pkt.Clone()
		r.Push(pkt, packets[i].ext, origin.Add(packets[i].at))
		clear(pkt.Payload) // it is not ours to keep
	}
	end := now + 500*time.Millisecond
	tick(end)
	r.End(origin.Add(end), "")
	r.End(origin.Add(end), "")
}

// opusPackets packs units into packets that arrive as they are captured.
func opusPackets(all []codec.Packet, seq uint16, stamp uint32) []sent {
	var out []sent
	for i, u := range all {
		captured := u.Time + codec.OpusDelay
		out = append(out, sent{at: captured, pkt: rtp.Packet{
			Header:  rtp.Header{Version: 2, SSRC: 1, SequenceNumber: seq + uint16(i), Timestamp: stamp + uint32(captured*48/time.Millisecond), PayloadType: 111},
			Payload: u.Data,
		}})
	}
	return out
}

// videoPackets cuts units into packets that arrive as they are captured.
func videoPackets(c codec.VideoCodec, all []codec.Packet, seq uint16, stamp uint32) []sent {
	var payloader rtp.Payloader
	switch c {
	case codec.VP8:
		payloader = &codecs.VP8Payloader{EnablePictureID: true}
	case codec.VP9:
		payloader = &codecs.VP9Payloader{}
	case codec.H264:
		payloader = &codecs.H264Payloader{}
	}
	var out []sent
	for _, u := range all {
		payloads := payloader.Payload(1100, u.Data)
		for i, payload := range payloads {
			out = append(out, sent{at: u.Time, pkt: rtp.Packet{
				Header: rtp.Header{
					Version: 2, SSRC: 2, SequenceNumber: seq, Timestamp: stamp + uint32(u.Time*90/time.Millisecond),
					Marker: i == len(payloads)-1, PayloadType: 96,
				},
				Payload: payload,
			}})
			seq++
		}
	}
	return out
}

// keyed returns the pictures of the demo call with a key frame every second.
func keyed(tb testing.TB) (out []codec.Packet) {
	tb.Helper()
	const gop, every = 15, time.Second / 15
	since := 0
	for range 2 {
		for _, u := range units(tb, ingest.Video) {
			if u.Key {
				since = 0
			}
			if since < gop {
				u.Time = time.Duration(len(out)) * every
				out = append(out, u)
			}
			since++
		}
	}
	return out
}

// everyPicture decodes all units, with the time of each.
func everyPicture(tb testing.TB, c codec.VideoCodec, all []codec.Packet) map[time.Duration]string {
	tb.Helper()
	v, err := codec.NewVideo(c, quiet)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, v.Close()) }()
	out := map[time.Duration]string{}
	for i, u := range all {
		p, at, err := v.Decode(u.Data, origin.Add(time.Duration(i)*codec.PictureStep), 0)
		require.NoError(tb, err)
		if p != nil {
			out[all[at.Sub(origin)/codec.PictureStep].Time] = pictureOf(at, p).pixels
		}
	}
	return out
}
