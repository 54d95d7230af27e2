//go:build e2e

package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

// told reads what the page says of its state.
const told = `document.getElementById("told").textContent`

// devices are a camera and a microphone that play the demo call.
func devices(t *testing.T) []chromedp.ExecAllocatorOption {
	t.Helper()
	return []chromedp.ExecAllocatorOption{
		chromedp.Flag("use-fake-ui-for-media-stream", true), chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("use-file-for-fake-video-capture", camera(t)), chromedp.Flag("use-file-for-fake-audio-capture", microphone(t)),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
	}
}

func TestAPersonGoesThroughThePage(t *testing.T) {
	p := serve(t)
	ctx := browse(t, devices(t)...)
	var resource atomic.Value // where the publisher's connection can be ended
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*network.EventResponseReceived); ok && strings.Contains(e.Response.URL, "/whip/") && e.Response.Status == http.StatusCreated {
			for name, value := range e.Response.Headers {
				if strings.EqualFold(name, "location") {
					resource.Store(value)
				}
			}
		}
	})
	row := func(stream, has string) string {
		return `[...document.querySelector("[data-valence]").shadowRoot.querySelectorAll("li")].some((li) => li.textContent.startsWith("` + stream + `") && (` + has + `))`
	}
	sliding := func(e *sink.Event) bool { return e.Window.Kind == features.Sliding }
	const session, who = "e2e-call", "alice"
	events := p.watch(t, session)

	step(t, "nothing happens before consent", func() {
		run(t, ctx, network.Enable(), as(desktop(), false), chromedp.Navigate(p.base+"/?call="+session+"&name="+who), chromedp.WaitVisible("#start"), chromedp.Click("#start"))
		eventually(t, ctx, told+`.startsWith("Tick at least one")`, 5*time.Second, "the page asks for consent")
		assert.Nil(t, p.state(ctx, t, session, who), "the server knows nobody")
	})
	step(t, "consent, publish, and the overlay moves", func() {
		run(t, ctx, chromedp.Click("#text"), chromedp.Click("#audio"), chromedp.Click("#video-consent"), chromedp.Click("#start"))
		eventually(t, ctx, told+`.startsWith("Live")`, 15*time.Second, "it is live")
		begun := time.Now()
		first := next(t, events, 15*time.Second, sliding)
		t.Logf("the first score came after %s", time.Since(begun).Round(time.Millisecond))
		assert.Equal(t, who, first.Participant)
		var score string
		run(t, ctx, chromedp.Evaluate(inside+`(".score").textContent`, &score))
		eventually(t, ctx, inside+`(".score").textContent.match(/\d/) && `+inside+`(".score").textContent !== "`+score+`"`, 10*time.Second, "the number moves")
		eventually(t, ctx, row("Face", `li.textContent.includes("%")`), 15*time.Second, "the face is seen")
		eventually(t, ctx, row("Voice", `li.textContent.includes("%")`), 15*time.Second, "the voice is heard")
	})
	step(t, "typed words count", func() {
		run(t, ctx, chromedp.SendKeys("#words", "I love this, it is wonderful, thank you so much!\r"))
		next(t, events, 15*time.Second, func(e *sink.Event) bool { return e.Modalities.Text.Present })
		eventually(t, ctx, row("Words", `li.textContent.includes("%")`), 10*time.Second, "the words are shown")
		picture(t, ctx, "live-page-desktop-light")
		axe(t, ctx, "the page of a live call")
		run(t, ctx, as(phone(), true))
		picture(t, ctx, "live-page-phone-dark")
		run(t, ctx, as(desktop(), false))
	})
	step(t, "the dashboard shows the call", func() {
		tab, cancel := chromedp.NewContext(ctx)
		defer cancel()
		require.NoError(t, chromedp.Run(tab)) // the first run's context is the tab's life
		run(t, tab, page.BringToFront(), as(desktop(), true), chromedp.Navigate(p.base+"/dashboard#"+session), chromedp.WaitVisible(".person .value small"))
		eventually(t, tab, `document.querySelector(".person .line").getAttribute("d").length > 40`, 10*time.Second, "there is a timeline")
		picture(t, tab, "live-dashboard-desktop-dark")
		axe(t, tab, "the dashboard of a live call")
		run(t, ctx, page.BringToFront())
	})
	step(t, "one consent withdrawn stops that stream", func() {
		run(t, ctx, chromedp.Click("#video-consent"))
		eventually(t, ctx, row("Face", `li.textContent.includes("no consent")`), 12*time.Second, "the overlay says so")
		assert.False(t, p.state(ctx, t, session, who).Consent.Video)
		eventually(t, ctx, `!document.getElementById("video").srcObject`, time.Second, "the camera is off")
	})
	step(t, "all consent withdrawn stops the scores", func() {
		run(t, ctx, chromedp.Click("#withdraw"))
		eventually(t, ctx, inside+`(".note").textContent.startsWith("Nothing to score")`, 15*time.Second, "the overlay says so")
		picture(t, ctx, "live-revoked-desktop-light")
		s := p.state(ctx, t, session, who)
		require.NotNil(t, s)
		assert.Equal(t, sink.NoData, s.State)
		require.NotNil(t, s.Reasons)
		assert.Equal(t, ingest.ReasonNoConsent, s.Reasons.Audio)
		for len(events) > 0 {
			<-events
		}
		select {
		case e := <-events:
			assert.Fail(t, "a score without consent", "%+v", e)
		case <-time.After(3 * time.Second):
		}
	})
	var mass sink.Number
	step(t, "consent given again goes on", func() {
		run(t, ctx, chromedp.Click("#audio"), chromedp.Click("#video-consent"))
		mass = next(t, events, 20*time.Second, func(e *sink.Event) bool { return e.State == features.Final && e.Rolling.Mass > 1 }).Rolling.Mass
	})
	step(t, "a connection that is lost comes back, with the same rolling score", func() {
		path, _ := resource.Load().(string)
		require.NotEmpty(t, path, "the offer was answered with a Location")
		request, err := http.NewRequestWithContext(ctx, http.MethodDelete, p.base+path, http.NoBody)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
		lost := time.Now()
		eventually(t, ctx, told+`.startsWith("Connection lost")`, 10*time.Second, "the page notices")
		eventually(t, ctx, told+`.startsWith("Live")`, 20*time.Second, "the page reconnects")
		back := time.Now()
		t.Logf("back after %s", back.Sub(lost).Round(time.Millisecond))
		e := next(t, events, 20*time.Second, func(e *sink.Event) bool { return sliding(e) && e.Window.End.After(back) })
		assert.Greater(t, float64(e.Rolling.Mass), float64(mass)/2, "one window alone has a tenth of it")
		eventually(t, ctx, inside+`(".score").textContent.match(/\d/)`, 10*time.Second, "the overlay goes on")
	})
	step(t, "stop ends it", func() {
		run(t, ctx, chromedp.Click("#stop"))
		require.Eventually(t, func() bool { s := p.state(ctx, t, session, who); return s != nil && !s.Connected }, 2*time.Minute, 100*time.Millisecond)
		eventually(t, ctx, `!document.querySelector("[data-valence]") && `+told+`.startsWith("Stopped")`, time.Second, "the overlay is gone")
		picture(t, ctx, "live-stopped-desktop-light")
	})
}

// step is a part of a story: the next needs it.
func step(t *testing.T, what string, do func()) {
	t.Helper()
	begun := time.Now()
	do()
	t.Logf("%s (%s)", what, time.Since(begun).Round(time.Millisecond))
}

func TestAServerWithTokensShowsThePageAndServesWhoHasOne(t *testing.T) {
	settings := filepath.Join(t.TempDir(), "valence.yaml")
	const token = "a-token-for-a-test-of-the-page-0123456789"
	require.NoError(t, os.WriteFile(settings, []byte("server: {tokens: [{token: "+token+", scopes: [publish, read]}]}\n"), 0o600))
	p := serve(t, "--config", settings)
	ctx := browse(t, devices(t)...)
	unlock := chromedp.Tasks{chromedp.Evaluate(`document.querySelector("details").open = true`, nil), chromedp.WaitVisible("#token")}

	run(t, ctx, as(desktop(), false), chromedp.Navigate(p.base+"/dashboard"))
	eventually(t, ctx, told+`.includes("asks for an access token")`, 5*time.Second, "the dashboard asks for a token")
	run(t, ctx, chromedp.Navigate(p.base+"/?call=guarded&name=alice"), chromedp.WaitVisible("#start"), chromedp.Click("#audio"), chromedp.Click("#start"))
	eventually(t, ctx, `document.getElementById("state").classList.contains("trouble") && !document.getElementById("start").hidden`, 10*time.Second, "the page says what is wrong")
	eventually(t, ctx, told+`.includes("token")`, time.Second, "and that it is the token")

	run(t, ctx, unlock, chromedp.SendKeys("#token", token), chromedp.Click("#start"))
	eventually(t, ctx, told+`.startsWith("Live")`, 15*time.Second, "it is live")
	eventually(t, ctx, inside+`(".score").textContent.match(/\d/)`, 15*time.Second, "the overlay reads with the token")
	run(t, ctx, chromedp.Click("#stop"), chromedp.Navigate(p.base+"/dashboard"), unlock, chromedp.SendKeys("#token", token+"\r"))
	eventually(t, ctx, `document.querySelector(".person .line")?.getAttribute("d")`, 10*time.Second, "so does the dashboard")
}
