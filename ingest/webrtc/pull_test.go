package webrtc_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc"
	"github.com/valence-live/valence/ingest/webrtc/webrtctest"
)

func source(t *testing.T) *webrtctest.Server {
	t.Helper()
	s := webrtctest.NewServer(webrtctest.Options{Loop: true, File: talk})
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func alice(url string) webrtc.Pull {
	return webrtc.Pull{URL: url, Session: "call", Participant: "alice", Token: "t0ken", Consent: []string{"text", "audio", "video"}}
}

func (b *bench) state(id string) webrtc.PullState {
	for _, s := range b.gateway.Pulls() {
		if s.ID == id {
			return s
		}
	}
	return webrtc.PullState{}
}

func TestMediaIsFetchedFromAServer(t *testing.T) {
	t.Parallel()
	for name, counter := range map[string]bool{"answer": false, "counter-offer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, b := source(t), serve(t, loopback())
			from.CounterOffer = counter
			state, err := b.gateway.Pull(alice(from.MovedURL()))
			require.NoError(t, err)
			assert.Equal(t, webrtc.PullConnecting, state.State)
			b.media(t, "call/alice", 20)
			assert.Equal(t, webrtc.PullConnected, b.state(state.ID).State)
			assert.Equal(t, webrtc.Stats{Pulls: 1}, b.gateway.Stats())
			require.NoError(t, b.gateway.StopPull(state.ID))
			g := b.calls.guest("call/alice")
			assert.Equal(t, 1, g.count(ingest.Audio, "end:no_track"))
			_, deletes, tokens := from.Asked()
			assert.Equal(t, 1, deletes, "the server is told")
			assert.Equal(t, []string{"Bearer t0ken"}, tokens)
			joined, left := g.seats()
			assert.Equal(t, []int{1, 1}, []int{joined, left})
			assert.Empty(t, b.gateway.Pulls())
			require.ErrorIs(t, b.gateway.StopPull(state.ID), webrtc.ErrNoPull)
			ordered(t, g)
		})
	}
}

func TestASourceThatBreaksIsTriedAgain(t *testing.T) {
	t.Parallel()
	from, b := source(t), serve(t, loopback())
	state, err := b.gateway.Pull(alice(from.URL()))
	require.NoError(t, err)
	g := b.media(t, "call/alice", 5)
	g.Track(ingest.Video).Participant.Revoke(ingest.Video)
	from.Refuse(http.StatusServiceUnavailable)
	require.NoError(t, from.Hangup())
	eventually(t, func() bool { return strings.Contains(b.state(state.ID).Error, "503") }, "a refusal")
	from.Refuse(0)
	heard := g.count(ingest.Audio, "pcm")
	eventually(t, func() bool {
		return b.state(state.ID).State == webrtc.PullConnected && g.count(ingest.Audio, "pcm") > heard+5
	}, "the media again")
	assert.Empty(t, b.state(state.ID).Error)
	assert.False(t, g.Track(ingest.Video).Participant.Consents(ingest.Video), "what was taken back stays so")
	ordered(t, g)
}

func TestOneWhoPublishesIsNotDrivenAwayByAPull(t *testing.T) {
	t.Parallel()
	from, b := source(t), serve(t, loopback())
	b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all})
	state, err := b.gateway.Pull(alice(from.URL()))
	require.NoError(t, err)
	eventually(t, func() bool { return b.state(state.ID).State == webrtc.PullWaiting }, "the pull to wait")
	assert.Contains(t, b.state(state.ID).Error, "publishes")
	assert.Equal(t, webrtc.Stats{Publishers: 1}, b.gateway.Stats())
	b.media(t, "call/alice", 5)
}

func TestAConfiguredPullBeginsByItself(t *testing.T) {
	t.Parallel()
	cfg := loopback()
	cfg.Pull = []webrtc.Pull{alice(source(t).URL())}
	serve(t, cfg).media(t, "call/alice", 5)
}

func TestAPullThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	for name, change := range map[string]func(*webrtc.Pull){
		"no url":       func(p *webrtc.Pull) { p.URL = "" },
		"a file":       func(p *webrtc.Pull) { p.URL = "file:///etc/passwd" },
		"a password":   func(p *webrtc.Pull) { p.URL = "http://a:b@127.0.0.1/" },
		"no session":   func(p *webrtc.Pull) { p.Session = "" },
		"a bad id":     func(p *webrtc.Pull) { p.Participant = "a/b" },
		"bad consent":  func(p *webrtc.Pull) { p.Consent = []string{"smell"} },
		"bad purpose":  func(p *webrtc.Pull) { p.Purpose = "fun" },
		"a bad header": func(p *webrtc.Pull) { p.Token = "a\r\nb" },
	} {
		p := alice("http://127.0.0.1:1/")
		change(&p)
		_, err := b.gateway.Pull(p)
		require.ErrorIs(t, err, webrtc.ErrPull, name)
	}
	first, err := b.gateway.Pull(alice("http://127.0.0.1:1/"))
	require.NoError(t, err)
	_, err = b.gateway.Pull(alice("http://127.0.0.1:2/"))
	require.ErrorIs(t, err, webrtc.ErrPull, "twice the same participant")
	eventually(t, func() bool { return strings.Contains(b.state(first.ID).Error, "refused") }, "why it fails")
	require.NoError(t, b.gateway.Shutdown(t.Context()))
	_, err = b.gateway.Pull(alice("http://127.0.0.1:1/"))
	require.ErrorIs(t, err, webrtc.ErrState)
}
