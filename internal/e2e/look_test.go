//go:build e2e

package e2e_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

// inside reads a text of the overlay.
const inside = `document.querySelector("[data-valence]").shadowRoot.querySelector`

func TestThePagesLookRightOnEveryScreenAndBreakNobodysAccess(t *testing.T) {
	f := newFake(t)
	f.run(t)
	ctx := browse(t)
	for _, s := range []size{desktop(), phone()} {
		for _, dark := range []bool{false, true} {
			scheme := map[bool]string{false: "light", true: "dark"}[dark]
			t.Run(s.name+" "+scheme, func(t *testing.T) {
				run(t, ctx, as(s, dark), chromedp.Navigate(f.URL+"/"), chromedp.WaitVisible("#start"))
				picture(t, ctx, "page-"+s.name+"-"+scheme)
				axe(t, ctx, "page")
				run(t, ctx, chromedp.Click("#text"), chromedp.WaitVisible("#speech"))
				picture(t, ctx, "page-words-"+s.name+"-"+scheme)
				axe(t, ctx, "page with words")

				run(t, ctx, chromedp.Navigate(f.URL+"/dashboard"), chromedp.WaitVisible(".person .value small"))
				run(t, ctx, chromedp.Evaluate(`document.querySelector(".person details").open = true`, nil))
				eventually(t, ctx, `document.querySelector(".person tbody tr")`, 5*time.Second, "the table is filled")
				picture(t, ctx, "dashboard-"+s.name+"-"+scheme)
				axe(t, ctx, "dashboard")
			})
		}
	}
}

func TestTheOverlayLooksRightOverAnyVideo(t *testing.T) {
	f := newFake(t)
	f.run(t)
	ctx := browse(t)
	for _, s := range []size{desktop(), phone()} {
		for _, over := range []string{"white", "black", "face"} {
			t.Run(s.name+" "+over, func(t *testing.T) {
				run(t, ctx, as(s, false), chromedp.Navigate(f.URL+"/look?who=alice&over="+over))
				eventually(t, ctx, inside+`(".spark path:last-child").getAttribute("d").length > 200 && `+inside+`(".positive, .negative, .neutral")`, 10*time.Second, "there is a score")
				picture(t, ctx, "overlay-"+s.name+"-"+over)
				axe(t, ctx, "overlay")
			})
		}
	}
	for name, reasons := range map[string]*sink.Modes[ingest.Reason]{"no_data": {Text: ingest.ReasonNoWords, Audio: ingest.ReasonNoConsent, Video: ingest.ReasonNoFace}, "left": nil} {
		t.Run(name, func(t *testing.T) {
			run(t, ctx, as(desktop(), false), chromedp.Navigate(f.URL+"/look?who=bob"))
			require.NoError(t, f.store.Tell(status("bob", sink.Activity(name), reasons)))
			eventually(t, ctx, inside+`(".note").textContent`, 10*time.Second, "it says so")
			picture(t, ctx, "overlay-"+name)
			axe(t, ctx, "overlay")
		})
	}
}

func TestTheOverlayIsUsedWithoutAMouseAndComesBackAfterABreak(t *testing.T) {
	f := newFake(t)
	f.run(t)
	ctx := browse(t)
	run(t, ctx, as(desktop(), false), chromedp.Navigate(f.URL+"/look?who=alice"))
	eventually(t, ctx, inside+`(".positive, .negative, .neutral, .score").textContent.match(/\d/)`, 10*time.Second, "there is a score")
	folded := inside + `(".panel").classList.contains("folded")`
	focused := `document.querySelector("[data-valence]").shadowRoot.activeElement?.tagName === "BUTTON"`

	run(t, ctx, chromedp.KeyEvent(kb.Tab))
	eventually(t, ctx, focused, time.Second, "the button is reached")
	run(t, ctx, chromedp.KeyEvent(kb.Escape))
	eventually(t, ctx, folded+` && `+focused+` && `+inside+`("button").getAttribute("aria-expanded") === "false"`, time.Second, "Escape folds it away and keeps the focus")
	picture(t, ctx, "overlay-folded")
	axe(t, ctx, "the folded overlay")
	run(t, ctx, chromedp.KeyEvent(kb.Enter))
	eventually(t, ctx, `!`+folded, time.Second, "Enter brings it back")
	eventually(t, ctx, inside+`("[role=status]").textContent.startsWith("alice: ")`, 12*time.Second, "a screen reader is told")
	eventually(t, ctx, inside+`("[role=meter]").ariaValueText.includes("likely")`, time.Second, "the meter has words")

	run(t, ctx, chromedp.Evaluate(`
		const other = document.createElement("video");
		document.querySelector("main").append(other);
		import("/overlay.js").then((m) => { window.second = m.attachOverlay(other, { session: "`+call+`", participant: "bob" }); })`, nil))
	second := `document.querySelectorAll("[data-valence]")[1]?.shadowRoot.querySelector`
	eventually(t, ctx, second+`(".score")?.textContent.match(/\d/)`, 5*time.Second, "a second overlay")
	require.Eventually(t, func() bool { return f.streams.Load() == 1 }, 2*time.Minute, 10*time.Millisecond, "both share a stream")

	f.CloseClientConnections()
	eventually(t, ctx, inside+`(".note").textContent.startsWith("Connection lost")`, 5*time.Second, "it says that the connection is lost")
	eventually(t, ctx, inside+`(".note").textContent === ""`, 10*time.Second, "it comes back")
	run(t, ctx, chromedp.Evaluate(`window.overlay.detach(), window.second.detach()`, nil))
	require.Eventually(t, func() bool { return f.streams.Load() == 0 }, 2*time.Minute, 10*time.Millisecond, "no stream is left")
}
