package live

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/valence-live/valence/internal/problem"
)

//go:embed pages/*.html pages/*.css pages/*.js pages/*.d.ts pages/*.svg
var pages embed.FS

// policy is what a page may do: nothing but talk to its own server and show its
// own files. Styles made by script (the overlay's) are no inline styles.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; media-src 'self' blob:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// page is one file as it is served.
type page struct {
	body, kind, tag string
}

// Pages serves the pages and the module for other pages: "/", "/dashboard",
// "/overlay.js" with its types, and what they load. All of it is in the
// program. Only the overlay is for pages of other origins.
func (h *Handler) Pages() http.Handler { return newSite() }

// site holds the files by their path.
type site map[string]page

func newSite() site {
	s := site{}
	kinds := map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".ts": "text/plain; charset=utf-8", ".svg": "image/svg+xml",
	}
	_ = fs.WalkDir(pages, "pages", func(name string, d fs.DirEntry, err error) error { // reads memory alone
		kind, ok := kinds[path.Ext(name)]
		if err != nil || d.IsDir() || !ok {
			return err
		}
		body, err := pages.ReadFile(name)
		sum := sha256.Sum256(body)
		at := strings.TrimPrefix(name, "pages")
		switch at {
		case "/index.html":
			at = "/"
		case "/dashboard.html":
			at = "/dashboard"
		}
		s[at] = page{body: string(body), kind: kind, tag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
		return err
	})
	return s
}

// ServeHTTP implements http.Handler.
func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, ok := s[r.URL.Path]
	if !ok {
		problem.Write(w, http.StatusNotFound, "", "there is no such page; / and /dashboard are the pages")
		return
	}
	header := w.Header()
	header.Set("Content-Type", p.kind)
	header.Set("ETag", p.tag)
	header.Set("Cache-Control", "no-cache")          // asks each time, by the tag: a new program has new pages
	if header.Get("Content-Security-Policy") == "" { // the server may know who may frame a page
		header.Set("Content-Security-Policy", policy)
	}
	if strings.HasPrefix(r.URL.Path, "/overlay.") {
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(p.body))
}
