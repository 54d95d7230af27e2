//go:build e2e

package e2e_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
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
