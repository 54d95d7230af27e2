package webrtc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/webrtctest"
)

func TestAPublisherIsHeardAndSeen(t *testing.T) {
	b := serve(t, loopback())
	p := b.publish(t, "call/alice", webrtctest.Options{File: demo, Consent: "text, audio, video"})
	eventually(t, func() bool {
		g := b.calls.guest("call/alice")
		return g.count(ingest.Audio, "pcm") > 50 && g.count(ingest.Video, "picture") > 4
	}, "sound and pictures")
	require.NoError(t, p.Delete(t.Context()))
	g := b.calls.guest("call/alice")
	require.Equal(t, 1, g.count(ingest.Audio, "end:no_track"))
	require.Equal(t, 1, g.count(ingest.Video, "end:no_track"))
	joined, left := g.seats()
	require.Equal(t, []int{1, 1}, []int{joined, left})
}
