package receive_test

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
	"github.com/valence-live/valence/ingest/webrtc/receive"
)

// BenchmarkAudio says what a packet of sound costs: order, time and decoding.
func BenchmarkAudio(b *testing.B) {
	all := opusPackets(units(b, ingest.Audio), 1, 1)
	it, _ := newTrack(b, ingest.Audio)
	a, err := receive.NewPeer(receive.Default(), drops{}).NewAudio(it, "audio/opus", 48000, func(ingest.Sample) {})
	require.NoError(b, err)
	defer func() { require.NoError(b, a.Close()) }()
	b.ReportAllocs()
	var pkt rtp.Packet
	i := 0
	for b.Loop() {
		pkt.Payload = all[i%len(all)].pkt.Payload
		pkt.SequenceNumber, pkt.Timestamp = uint16(i), uint32(i*960)
		a.Push(&pkt, receive.Extensions{}, origin.Add(time.Duration(i)*20*time.Millisecond))
		i++
	}
}

// BenchmarkVideo says what a packet of pictures costs before it is decoded: frames
// that nothing needs, 3 packets each.
func BenchmarkVideo(b *testing.B) {
	it, _ := newTrack(b, ingest.Video)
	v, err := receive.NewPeer(receive.Default(), drops{}).NewVideo(it, codec.VP8, func(s ingest.Sample) {
		if p, ok := s.Payload.(*ingest.Picture); ok {
			p.Release()
		}
	}, quiet)
	require.NoError(b, err)
	defer func() { require.NoError(b, v.Close()) }()
	seq := uint16(0)
	for _, s := range videoPackets(codec.VP8, units(b, ingest.Video)[:1], 0, 0) {
		v.Push(&s.pkt, s.ext, origin)
		seq++
	}
	payload := make([]byte, 1100)
	pkt := rtp.Packet{Header: rtp.Header{SSRC: 2}, Payload: payload}
	b.ReportAllocs()
	for b.Loop() {
		first := byte(0x20)
		if seq%3 == 0 {
			first |= 0x10
		}
		payload[0] = first
		pkt.SequenceNumber, pkt.Timestamp, pkt.Marker = seq, 90, seq%3 == 2
		v.Push(&pkt, receive.Extensions{}, origin.Add(time.Millisecond))
		seq++
	}
}
