package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/valence-live/valence/internal/problem"
)

// secure sets what a browser must not do with a response. The pages bring their
// own scripts and styles; nothing comes from elsewhere, and nothing is inline.
func (s *Server) secure(h http.Header) {
	ancestors := "'none'"
	if len(s.cfg.FrameAncestors) > 0 {
		ancestors = strings.Join(s.cfg.FrameAncestors, " ")
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "+
		"media-src 'self' blob: mediastream:; form-action 'none'; base-uri 'none'; frame-ancestors "+ancestors)
	h.Set("Permissions-Policy", "camera=(self), microphone=(self)")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// What pages of other sites may send, and see of an answer.
const (
	corsMethods = "GET, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, If-Match, Last-Event-ID, Valence-Consent, Valence-Purpose"
	corsExposed = "Location, ETag, Link, Retry-After, Accept-Post, Accept-Patch, WWW-Authenticate, Date"
	corsMaxAge  = "600"
)

// rightOrigin lets pages of the sites in the list use the interface (Fetch
// Standard, "CORS protocol"). It refuses others where a browser would not: what
// changes something, and WebSockets.
func (s *Server) rightOrigin(w http.ResponseWriter, r *http.Request) bool {
	if len(s.cfg.CORSOrigins) > 0 {
		w.Header().Add("Vary", "Origin")
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if s.cfg.allows(origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Expose-Headers", corsExposed)
		if isPreflight(r) {
			w.Header().Set("Access-Control-Allow-Methods", corsMethods)
			w.Header().Set("Access-Control-Allow-Headers", corsHeaders)
			w.Header().Set("Access-Control-Max-Age", corsMaxAge)
		}
		return true
	}
	safe := (r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions) && r.Header.Get("Upgrade") == ""
	if safe || sameHost(origin, r.Host) {
		return true
	}
	problem.Write(w, http.StatusForbidden, "Another site",
		fmt.Sprintf("pages of %.100q may not use this server; the list of those that may is server.cors_origins", origin))
	return false
}

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// sameHost compares without the scheme, which a proxy with TLS in front changes.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}
