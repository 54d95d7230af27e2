//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// size is that of a window.
type size struct {
	name          string
	width, height int64
	phone         bool
}

func desktop() size { return size{name: "desktop", width: 1280, height: 900} }
func phone() size   { return size{name: "phone", width: 390, height: 844, phone: true} }

// browse starts Chromium with a fresh profile and returns a tab of it.
func browse(t *testing.T, flags ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	binary := os.Getenv("E2E_CHROMIUM")
	if binary == "" {
		var err error
		binary, err = exec.LookPath("chromium")
		require.NoError(t, err, "Chromium is missing: run scripts/setup-browser.sh")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(binary), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("force-color-profile", "srgb"))
	options = append(options, flags...)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the browser's end, so that its profile can go
		cancel()
	})
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page threw: %s", e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
				for _, a := range e.Args {
					t.Logf("console: %s %s", a.Value, a.Description)
				}
			}
		}
	})
	require.NoError(t, chromedp.Run(ctx))
	return ctx
}

func run(t *testing.T, ctx context.Context, actions ...chromedp.Action) { //nolint:revive // t comes first in helpers
	t.Helper()
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	require.NoError(t, chromedp.Run(limited, actions...))
}

// as makes the tab look like a device with that colour scheme.
func as(s size, dark bool) chromedp.Action {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	return chromedp.Tasks{
		emulation.SetDeviceMetricsOverride(s.width, s.height, 1, s.phone),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
	}
}

// artefacts is where pictures are kept.
func artefacts(t *testing.T) string {
	t.Helper()
	folder := filepath.Join("..", "..", "out", "e2e")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	return folder
}

// picture keeps a picture of the whole page.
func picture(t *testing.T, ctx context.Context, name string) { //nolint:revive // t comes first in helpers
	t.Helper()
	var png []byte
	run(t, ctx, chromedp.FullScreenshot(&png, 100))
	require.NoError(t, os.WriteFile(filepath.Join(artefacts(t), name+".png"), png, 0o600))
}

// axe asks axe-core what is wrong with the page for people who cannot see, hear
// or point, and fails on any violation.
func axe(t *testing.T, ctx context.Context, of string) { //nolint:revive // t comes first in helpers
	t.Helper()
	file := os.Getenv("E2E_AXE")
	if file == "" {
		cache, err := os.UserCacheDir()
		require.NoError(t, err)
		found, err := filepath.Glob(filepath.Join(cache, "valence", "axe-core-*", "axe.min.js"))
		require.NoError(t, err)
		require.NotEmpty(t, found, "axe-core is missing: run scripts/setup-browser.sh")
		file = found[len(found)-1]
	}
	script, err := os.ReadFile(file)
	require.NoError(t, err)
	var result string
	run(t, ctx, chromedp.Evaluate(string(script)+";0", nil), chromedp.Evaluate(
		`axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations.map((v) => ({id: v.id, help: v.help, nodes: v.nodes.map((n) => n.target.join(" ") + ": " + n.failureSummary)}))))`,
		&result, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	require.NoError(t, json.Unmarshal([]byte(result), &violations))
	for _, v := range violations {
		t.Errorf("%s: axe-core: %s (%s):\n%s", of, v.Help, v.ID, strings.Join(v.Nodes, "\n"))
	}
}

// eventually waits until a script says that something is so.
func eventually(t *testing.T, ctx context.Context, script string, long time.Duration, why string) { //nolint:revive // t comes first in helpers
	t.Helper()
	require.Eventually(t, func() bool {
		var ok bool
		err := chromedp.Run(ctx, chromedp.Evaluate(`!!(`+script+`)`, &ok))
		return err == nil && ok
	}, long, 100*time.Millisecond, why)
}
