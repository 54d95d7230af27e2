package webrtc

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/receive"
)

// BenchmarkPacket is what a packet of 20 ms of sound costs behind the socket:
// decoded, and without consent.
func BenchmarkPacket(b *testing.B) {
	for name, consent := range map[string][]ingest.Modality{"decoded": {ingest.Audio}, "no_consent": nil} {
		b.Run(name, func(b *testing.B) {
			who, err := ingest.NewParticipant("call", "alice")
			require.NoError(b, err)
			who.Grant(consent...)
			l := &lane{
				track:   &ingest.Track{Participant: who, Modality: ingest.Audio},
				peer:    peer{Peer: receive.NewPeer(receive.Default(), nothing{}), logger: silent().logger},
				drop:    nothing{}.Drop,
				logger:  silent().logger,
				deliver: func(ingest.Sample) {}, requestKeyFrame: func(*remote) {},
			}
			r := &remote{modality: ingest.Audio, formats: map[uint8]format{111: {"audio/opus", 48000}}}
			now := time.Unix(1_700_000_000, 0)
			l.add(r, now)
			p := &held{Packet: rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SSRC: 1}, Payload: []byte{0xf8, 0xff, 0xfe}}}
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(20 * time.Millisecond)
				p.SequenceNumber++
				p.Timestamp += 960
				l.take(arrival{remote: r, packet: p, at: now})
			}
			l.stop()
		})
	}
}
