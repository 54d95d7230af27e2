package webrtc

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/receive"
)

// refusedProperly fails unless an error is a refusal that blames the client.
func refusedProperly(t *testing.T, err error) {
	t.Helper()
	r := asRefusal(err)
	require.GreaterOrEqual(t, r.status, http.StatusBadRequest, err)
	require.Less(t, r.status, http.StatusInternalServerError, err)
	require.NotEmpty(t, r.reason)
	require.NotEmpty(t, r.detail)
}

func FuzzOffer(f *testing.F) {
	files, err := filepath.Glob("testdata/offers/*.sdp")
	require.NoError(f, err)
	for _, file := range files {
		text, problem := os.ReadFile(file)
		require.NoError(f, problem)
		f.Add(text)
	}
	shared, err := openSockets(f.Context(), Config{UDP: "127.0.0.1:0"}, silent())
	require.NoError(f, err)
	defer func() { require.NoError(f, shared.Close()) }()
	api, err := newAPI(Default(), shared, silent())
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body []byte) {
		offer, err := parseOffer(body, 64)
		if err != nil {
			refusedProperly(t, err)
			return
		}
		pc, err := api.NewPeerConnection(Config{}.configuration())
		require.NoError(t, err)
		defer func() { require.NoError(t, pc.GracefulClose()) }()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var s iceSession
		answer, err := s.negotiate(ctx, pc, offer)
		if err != nil {
			refusedProperly(t, err)
			return
		}
		require.NotEmpty(t, answer)
		require.NotEmpty(t, answerFragment(s.answer))
	})
}

func FuzzFragment(f *testing.F) {
	f.Add([]byte("a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n" +
		"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\na=end-of-candidates\r\n"))
	f.Add([]byte("a=end-of-candidates"))
	text, err := os.ReadFile("testdata/offers/chrome.sdp")
	require.NoError(f, err)
	offer, err := parseOffer(text, 64)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := parseFragment(body)
		if err != nil {
			refusedProperly(t, err)
			return
		}
		again, err := p.restarted(offer).Marshal()
		require.NoError(t, err)
		if p.restarts(offer) {
			_, err = parseOffer(again, 1<<20)
			require.NoError(t, err, "the offer after a restart is an offer")
		}
	})
}

// FuzzPacket gives a lane whatever a peer may send in an RTP packet: the bytes
// are a packet each, of two streams of pictures and one of sound, by turns.
func FuzzPacket(f *testing.F) {
	good, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: 1, SSRC: 1, Marker: true}, Payload: []byte{0x10, 0, 0, 0, 0x9d, 1, 0x2a}}).Marshal()
	require.NoError(f, err)
	f.Add(good, good)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		who, err := ingest.NewParticipant("call", "alice")
		require.NoError(t, err)
		who.Grant(ingest.Audio, ingest.Video)
		var last [ingest.NumModalities]time.Time
		deliver := func(s ingest.Sample) {
			m := s.Track.Modality
			require.False(t, s.Time.Before(last[m]))
			last[m] = s.Time
			if p, ok := s.Payload.(*ingest.Picture); ok {
				p.Release()
			}
		}
		shared := peer{Peer: receive.NewPeer(receive.Default(), nothing{}), logger: silent().logger}
		now := time.Unix(1_700_000_000, 0)
		var lanes []*lane
		var remotes []*remote
		for _, m := range []ingest.Modality{ingest.Audio, ingest.Video} {
			l := &lane{track: &ingest.Track{Participant: who, Modality: m}, peer: shared, drop: nothing{}.Drop, logger: silent().logger, deliver: deliver, requestKeyFrame: func(*remote) {}}
			for _, rid := range map[ingest.Modality][]string{ingest.Audio: {""}, ingest.Video: {"q", "f"}}[m] {
				r := &remote{modality: m, rid: rid, absCaptureTime: 1, orientation: 2, formats: map[uint8]format{
					96: {"video/vp8", 90000}, 97: {"video/vp9", 90000}, 98: {"video/h264", 90000}, 111: {"audio/opus", 48000},
				}}
				l.add(r, now)
				remotes = append(remotes, r)
			}
			lanes = append(lanes, l)
		}
		at := func(r *remote) *lane { return lanes[r.modality-ingest.Audio] }
		for i := range 200 {
			now = now.Add(tick)
			p := &held{}
			if p.Unmarshal(append([]byte(nil), [][]byte{first, second}[i%2]...)) == nil {
				p.SequenceNumber += uint16(i)
				p.Timestamp += uint32(i) * 1800
				r := remotes[i/2%len(remotes)]
				r.bytes.Add(100)
				r.newest.Store(now.UnixNano())
				at(r).take(arrival{remote: r, packet: p, at: now})
			}
			for _, l := range lanes {
				l.tick(now)
			}
		}
		for _, l := range lanes {
			l.end(now, ingest.ReasonLost)
		}
	})
}

func silent() pionLog { return pionLog{logger: slog.New(slog.DiscardHandler)} }

// nothing counts nothing.
type nothing struct{}

func (nothing) Drop(ingest.Modality, string, int) {}
