//go:build e2e

package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/sink"
)

// script returns the first block of a guide in a language, or the script in it.
func script(t *testing.T, guide, language string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", guide))
	require.NoError(t, err)
	_, block, found := strings.Cut(string(text), "```"+language+"\n")
	require.True(t, found, "%s has no %s", guide, language)
	block, _, found = strings.Cut(block, "```")
	require.True(t, found)
	if inner := regexp.MustCompile(`(?s)<script[^>]*>(.*)</script>`).FindStringSubmatch(block); inner != nil {
		return inner[1]
	}
	return block
}

// TestWhatTheGuidesSayToWriteWorks runs the scripts of the guides as they stand
// there, in a page that has nothing of its own.
func TestWhatTheGuidesSayToWriteWorks(t *testing.T) {
	p := serve(t)
	ctx := browse(t, devices(t)...)
	publish := script(t, "webrtc.md", "js")
	overlay := strings.NewReplacer("https://valence.example", p.base, "maya", "alice").Replace(script(t, "overlay.md", "html"))
	overlay = regexp.MustCompile(`import (\{.*?\}) from (".*?");`).ReplaceAllString(overlay, "const $1 = await import($2);")
	run(t, ctx, chromedp.Navigate(p.base+"/livez"))
	perform := func(text string) {
		run(t, ctx, chromedp.Evaluate("(async () => {"+text+"})()", nil, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	}
	perform(`const token = "none";` + publish + `; window.session = session.href; window.pc = pc; window.stream = stream;`)
	events := p.watch(t, "call-17")
	assert.Equal(t, "alice", next(t, events, 20*time.Second, func(*sink.Event) bool { return true }).Participant)

	perform(`document.body.innerHTML = '<video id="alice" autoplay playsinline muted></video>'; document.getElementById("alice").srcObject = window.stream;` + overlay + `; window.overlay = overlay;`)
	eventually(t, ctx, inside+`(".score").textContent.match(/\d/)`, 10*time.Second, "the overlay shows the score")
	eventually(t, ctx, `document.getElementById("alice").videoWidth > 0`, 10*time.Second, "there is a picture below it")
	picture(t, ctx, "guide-overlay")
	perform(`overlay.detach()`)
	eventually(t, ctx, `!document.querySelector("[data-valence]")`, time.Second, "the overlay is taken away")

	perform(`const response = await fetch(window.session, {method: "DELETE"}); if (response.status !== 200) throw new Error(response.status);`)
	require.Eventually(t, func() bool { return !p.state(ctx, t, "call-17", "alice").Connected }, 2*time.Minute, 50*time.Millisecond, "DELETE ends it")
}
