package receive_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/webrtc/receive"
)

// script plays data as packets, reports and the passing of time: per step a byte
// that says what, two numbers, a length and a payload. It returns how much came out.
func script(t *testing.T, r receiver, out *track, data []byte) {
	t.Helper()
	now, seq, stamp, ssrc := origin, uint16(1), uint32(1), uint32(1)
	for step := 0; len(data) >= 6 && step < 2000; step++ {
		what, a, b, n := data[0], binary.BigEndian.Uint16(data[1:]), data[3], int(binary.BigEndian.Uint16(data[4:])&0x7ff)
		data = data[6:]
		n = min(n, len(data))
		payload := slices.Clone(data[:n])
		data = data[n:]
		now = now.Add(time.Duration(b) * time.Millisecond)
		switch {
		case what < 0x80: // the next packet
			seq, stamp = seq+1, stamp+uint32(a)
		case what < 0xc0: // any packet
			seq, stamp = a, uint32(a)<<16|uint32(b)
		case what < 0xd0:
			ssrc = uint32(b & 3)
		case what < 0xe0:
			r.Report(&rtcp.SenderReport{SSRC: ssrc, NTPTime: uint64(a)<<40 | uint64(b), RTPTime: stamp + uint32(b)}, now)
			continue
		default:
			r.Tick(now)
			continue
		}
		ext := receive.Extensions{}
		if what&4 != 0 {
			ext = receive.Extensions{AbsCaptureTime: binary.BigEndian.AppendUint64(nil, uint64(a)<<48|uint64(b)<<32), Orientation: []byte{b}}
		}
		pkt := rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: stamp, SSRC: ssrc, Marker: what&1 != 0}, Payload: payload}
		r.Push(&pkt, ext, now)
		if len(out.samples) > 100 {
			release(out)
		}
	}
	r.End(now, "")
	release(out)
}

func release(out *track) {
	last := out.samples[len(out.samples)-1]
	for _, s := range out.samples {
		if p, ok := s.Payload.(*ingest.Picture); ok {
			p.Release()
		}
	}
	last.Payload = nil
	out.samples = append(out.samples[:0], last)
}

// seed writes packets in the form that script reads.
func seed(all []sent) (data []byte) {
	last, at := uint32(1), time.Duration(0)
	for i := range all {
		p := &all[i].pkt
		what := byte(0)
		if p.Marker {
			what = 1
		}
		data = append(data, what)
		data = binary.BigEndian.AppendUint16(data, uint16(p.Timestamp-last))
		data = append(data, byte((all[i].at-at)/time.Millisecond))
		data = binary.BigEndian.AppendUint16(data, uint16(len(p.Payload)))
		data = append(data, p.Payload...)
		last, at = p.Timestamp, all[i].at
	}
	return data
}

func FuzzAudio(f *testing.F) {
	f.Add(seed(opusPackets(units(f, ingest.Audio)[:20], 1, 1)))
	f.Add(seed(opusPackets(dtx(0, 10), 1, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		it, out := newTrack(t, ingest.Audio)
		a, err := receive.NewPeer(receive.Default(), drops{}).NewAudio(it, "audio/opus", 48000, out.emit)
		if err != nil {
			t.Fatal(err)
		}
		script(t, a, out, data)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func fuzzVideo(f *testing.F, c codec.VideoCodec) {
	f.Helper()
	f.Fuzz(func(t *testing.T, data []byte) {
		it, out := newTrack(t, ingest.Video)
		v, err := receive.NewPeer(receive.Default(), drops{}).NewVideo(it, c, out.emit, quiet)
		if err != nil {
			t.Fatal(err)
		}
		script(t, v, out, data)
		v.NeedsKeyFrame(origin)
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzVP8(f *testing.F) {
	f.Add(seed(videoPackets(codec.VP8, unitsOf(f, "vp8-opus.webm", ingest.Video)[:10], 1, 1)))
	f.Add(seed(layered(unitsOf(f, "layers.webm", ingest.Video)[:10])))
	fuzzVideo(f, codec.VP8)
}

func FuzzVP9(f *testing.F) {
	f.Add(seed(videoPackets(codec.VP9, unitsOf(f, "vp9-vorbis.webm", ingest.Video)[:10], 1, 1)))
	fuzzVideo(f, codec.VP9)
}

func FuzzH264(f *testing.F) {
	f.Add(seed(videoPackets(codec.H264, unitsOf(f, "layers.mkv", ingest.Video)[:10], 1, 1)))
	f.Add(seed(videoPackets(codec.H264, unitsOf(f, "slices.mkv", ingest.Video), 1, 1)))
	fuzzVideo(f, codec.H264)
}
