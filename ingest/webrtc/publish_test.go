package webrtc_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc/webrtctest"
)

const all = "text, audio, video"

// media waits until both kinds of media came, n more of them.
func (b *bench) media(t *testing.T, who string, n int) *guest {
	t.Helper()
	g := b.calls.guest(who)
	sound, pictures := g.count(ingest.Audio, "pcm"), g.count(ingest.Video, "picture")
	eventually(t, func() bool {
		g = b.calls.guest(who)
		return g.count(ingest.Audio, "pcm") >= sound+n && g.count(ingest.Video, "picture") >= pictures+(n+9)/10
	}, "media of "+who)
	return g
}

// ordered fails when the Samples of a track run backwards.
func ordered(t *testing.T, g *guest) {
	t.Helper()
	for _, m := range ingest.Modalities() {
		var last time.Time
		for i, s := range g.notes(m) {
			require.False(t, s.at.Before(last), "%s, number %d: %s before %s", m, i, s.at, last)
			last = s.at
		}
	}
}

func TestAPublisherIsHeardAndSeen(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	p := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all})
	g := b.media(t, "call/alice", 50)
	require.NoError(t, p.Delete(t.Context()))
	assert.Equal(t, 1, g.count(ingest.Audio, "end:no_track"))
	assert.Equal(t, 1, g.count(ingest.Video, "end:no_track"))
	joined, left := g.seats()
	assert.Equal(t, []int{1, 1}, []int{joined, left})
	ordered(t, g)
	for _, s := range g.notes(ingest.Video) {
		assert.Equal(t, s.kind == "picture", s.width == 320)
	}
}

func TestEveryWayToPublishWorks(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	const clips = "webrtctest/testdata/"
	for name, o := range map[string]webrtctest.Options{
		"trickle":   {Loop: true, File: talk, Trickle: true},
		"sound":     {Loop: true, File: talk, AudioOnly: true},
		"pictures":  {Loop: true, File: talk, VideoOnly: true},
		"h264":      {Loop: true, File: clips + "h264.mp4"},
		"vp9":       {Loop: true, File: clips + "vp9.webm"},
		"channel":   {Loop: true, File: talk, Channel: true},
		"captured":  {Loop: true, File: talk, AbsCaptureTime: true, NoReports: true},
		"reports":   {Loop: true, File: talk},
		"drift":     {Loop: true, File: talk, Drift: 200e-6, Offset: time.Hour},
		"simulcast": {Loop: true, Layers: map[string]string{"q": clips + "layer-q.webm", "h": clips + "layer-h.webm", "f": clips + "layer-f.webm"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who := "ways/" + name
			o.Consent = all
			p := b.publish(t, who, o)
			eventually(t, func() bool {
				g := b.calls.guest(who)
				return (p.Sent(ingest.Audio) == 0 || g.count(ingest.Audio, "pcm") > 20) && (p.Sent(ingest.Video) == 0 || g.count(ingest.Video, "picture") > 2) &&
					p.Sent(ingest.Audio)+p.Sent(ingest.Video) > 20
			}, "media")
			want := map[string]ingest.ClockSource{"captured": ingest.ClockAbsCaptureTime, "reports": ingest.ClockSenderReport, "drift": ingest.ClockSenderReport}[name]
			if want != "" {
				eventually(t, func() bool {
					notes := b.calls.guest(who).notes(ingest.Audio)
					last := notes[len(notes)-1]
					return last.clock.Source == want && last.came.Sub(last.at) < time.Second
				}, "the sender's clock, in our time")
			}
			require.NoError(t, p.Delete(t.Context()))
			ordered(t, b.calls.guest(who))
		})
	}
}

func TestAParticipantWhoComesAgainGoesOnOnTheSameTracks(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	first := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all})
	g := b.media(t, "call/alice", 10)
	second := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk})
	assert.Equal(t, 1, g.count(ingest.Audio, "end:lost"), "the old connection ends before the new one answers")
	require.Same(t, g, b.media(t, "call/alice", 10))
	var response *webrtctest.ResponseError
	require.ErrorAs(t, first.Delete(t.Context()), &response)
	assert.Equal(t, http.StatusNotFound, response.Status, "the old resource is gone")
	require.NoError(t, second.Delete(t.Context()))
	joined, left := g.seats()
	assert.Equal(t, []int{2, 2}, []int{joined, left})
	ordered(t, g)
	b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk})
	b.media(t, "call/alice", 10)
	ordered(t, g)
}

func TestAPageThatIsClosedEndsItsTracks(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	p := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all})
	g := b.media(t, "call/alice", 10)
	require.NoError(t, p.Close()) // DTLS says goodbye
	eventually(t, func() bool { _, left := g.seats(); return left == 1 }, "the seat to be free")
	assert.Equal(t, 1, g.count(ingest.Audio, "end:no_track"))
	assert.Zero(t, b.gateway.Stats())
}

func TestIceMayRestartWhileMediaGoesOn(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	p := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all})
	b.media(t, "call/alice", 10)
	before := p.Tag()
	for range 2 {
		require.NoError(t, p.RestartICE(t.Context()))
		assert.NotEqual(t, before, p.Tag())
		b.media(t, "call/alice", 30)
	}
	joined, _ := b.calls.guest("call/alice").seats()
	assert.Equal(t, 1, joined)
	ordered(t, b.calls.guest("call/alice"))
}

func TestTheCodecMayChangeInMidCall(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	p := b.publish(t, "call/alice", webrtctest.Options{File: "webrtctest/testdata/layer-h.webm", Consent: all, Loop: true})
	eventually(t, func() bool { return b.calls.guest("call/alice").count(ingest.Video, "picture") > 2 }, "VP8")
	p.SwitchCodec("webrtctest/testdata/h264.mp4")
	n := b.calls.guest("call/alice").count(ingest.Video, "picture")
	eventually(t, func() bool { return b.calls.guest("call/alice").count(ingest.Video, "picture") > n+8 }, "H.264")
	ordered(t, b.calls.guest("call/alice"))
}

func TestATrackThatPausesGoesOn(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	p := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all})
	g := b.media(t, "call/alice", 10)
	p.Mute(ingest.Video, true)
	heard := g.count(ingest.Audio, "pcm")
	eventually(t, func() bool { return g.count(ingest.Audio, "pcm") > heard+30 }, "sound alone")
	p.Mute(ingest.Video, false)
	b.media(t, "call/alice", 20)
	ordered(t, g)
}

func TestALossyNetworkIsBridged(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	for name, loss := range map[string]float64{"loss5": .05, "loss20": .2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := b.publish(t, "bad/"+name, webrtctest.Options{
				File: talk, Loop: true, Consent: all, Seed: 7,
				Loss: loss, Jitter: 20 * time.Millisecond, Reorder: .05, ReorderBy: 15 * time.Millisecond,
			})
			g := b.media(t, "bad/"+name, 100)
			ordered(t, g)
			assert.Positive(t, p.Nacks(), "lost packets are asked for again")
			assert.Positive(t, g.drops()["audio concealed"]+g.drops()["audio lost"], "what is not there is counted")
		})
	}
}

func TestWordsComeOnTheDataChannel(t *testing.T) {
	t.Parallel()
	cfg := loopback()
	cfg.MaxMessages, cfg.MaxMessage = 5, 2000
	b := serve(t, cfg)
	p := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, AudioOnly: true, Channel: true, Consent: all})
	within(t, p.Opened(), "the data channel")
	require.NoError(t, p.Say(`{"id":"s1","text":"hello"}`))
	g := b.calls.guest("call/alice")
	eventually(t, func() bool { return len(g.said()) == 1 }, "the message")
	for _, c := range []struct{ message, status string }{
		{"not json", `"status":400`},
		{`{"id":"s2","text":"secret"}`, `"status":403`},
		{`"` + strings.Repeat("x", 3000) + `"`, `"status":413`},
	} {
		require.NoError(t, p.Say(c.message))
		assert.Contains(t, told(t, p), c.status)
	}
	for range 20 {
		require.NoError(t, p.Say(`{"id":"s3","text":"again"}`))
	}
	assert.Contains(t, told(t, p), `"status":429`)
	assert.Less(t, len(g.said()), 12)
}

func told(t *testing.T, p *webrtctest.Publisher) string {
	t.Helper()
	select {
	case m := <-p.Told():
		return m
	case <-time.After(5 * time.Second):
		require.FailNow(t, "nothing was said on the data channel")
		return ""
	}
}

func TestNothingIsDecodedBeforeConsentOrAfterItIsRevoked(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	p := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: "audio"})
	eventually(t, func() bool {
		g := b.calls.guest("call/alice")
		return g.count(ingest.Audio, "pcm") > 10 && g.count(ingest.Video, "gap:no_consent") > 3
	}, "sound, and gaps instead of pictures")
	g := b.calls.guest("call/alice")
	person := g.Track(ingest.Audio).Participant
	assert.Zero(t, g.count(ingest.Video, "picture"))

	person.Revoke(ingest.Audio)
	revoked := time.Now()
	eventually(t, func() bool { return g.count(ingest.Audio, "gap:no_consent") > 3 }, "gaps instead of sound")
	for _, s := range g.notes(ingest.Audio) {
		if s.kind == "pcm" {
			assert.Less(t, s.came.Sub(revoked), 100*time.Millisecond)
		}
	}
	person.Grant(ingest.Audio, ingest.Video)
	b.media(t, "call/alice", 10)
	require.NoError(t, p.Delete(t.Context()))
	ordered(t, g)
	covered(t, g.notes(ingest.Audio))
}

// covered fails where gaps overlap what was heard: a step would count twice.
func covered(t *testing.T, notes []note) {
	t.Helper()
	var end time.Time
	for i, s := range notes {
		if s.kind == "gap:no_consent" {
			assert.False(t, s.at.Before(end), "number %d", i)
			end = s.end
		} else if s.kind == "pcm" && end.Sub(s.at) > 50*time.Millisecond {
			assert.Fail(t, "sound begins within a gap", "number %d: %s", i, end.Sub(s.at))
		}
	}
}

func TestTheSmallestLayerThatShowsAFaceIsDecoded(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	const clips = "webrtctest/testdata/layer-"
	b.publish(t, "call/alice", webrtctest.Options{
		Consent: all, Loop: true,
		Layers: map[string]string{"f": clips + "f.webm", "h": clips + "h.webm", "q": clips + "q.webm"},
	})
	width := func(want int) func() bool {
		return func() bool {
			notes := b.calls.guest("call/alice").notes(ingest.Video)
			return len(notes) > 0 && notes[len(notes)-1].width == want
		}
	}
	eventually(t, width(160), "the smallest layer")
	g := b.calls.guest("call/alice")
	for _, s := range g.notes(ingest.Video) {
		if s.kind == "picture" {
			assert.Equal(t, 160, s.width, "no other layer was decoded")
		}
	}
	g.Track(ingest.Video).SawFace(.2) // 32 pixels
	eventually(t, width(320), "a larger layer")
	g.Track(ingest.Video).SawFace(.8) // 256, and 128 in the smaller
	eventually(t, width(160), "the smallest layer again")
	ordered(t, g)
}

func TestAConnectionThatBringsNothingIsEnded(t *testing.T) {
	t.Parallel()
	cfg := loopback()
	cfg.Idle, cfg.Connect = time.Second, time.Second
	b := serve(t, cfg)
	p := b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all})
	g := b.media(t, "call/alice", 1)
	p.Mute(ingest.Audio, true)
	p.Mute(ingest.Video, true)
	eventually(t, func() bool { return g.count(ingest.Audio, "end:lost") == 1 && b.gateway.Stats().Publishers == 0 }, "the end")

	answer, _ := b.ask(t, http.MethodPost, "/whip/call/bob", request{contentType: "application/sdp", body: offer(t, webrtctest.Options{Loop: true, File: talk})})
	require.Equal(t, http.StatusCreated, answer.Code) // and never comes
	eventually(t, func() bool { _, left := b.calls.guest("call/bob").seats(); return left == 1 }, "the end of what never came")
}

func TestAnEndedCallEndsItsConnections(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all})
	b.media(t, "call/alice", 1).end(errors.New("the call is over"))
	eventually(t, func() bool { return b.gateway.Stats().Publishers == 0 }, "the end")
}
