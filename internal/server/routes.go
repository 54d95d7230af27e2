package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/valence-live/valence/internal/auth"
	"github.com/valence-live/valence/internal/problem"
)

// route is one thing that can be asked.
type route struct {
	method, path string
	// need is the scope that it needs; empty for what everybody may ask.
	need auth.Scope
	// whose says of whom it is asked, where that is not the path alone.
	whose func(r *http.Request, g auth.Grant) (session, participant string)
	// self lets the person do it too: by a token to publish as that person and as
	// nobody else.
	self  bool
	serve func(w http.ResponseWriter, r *http.Request, g auth.Grant)
}

const (
	person  = "/v1/sessions/{session}/participants/{participant}"
	whip    = "/whip/{session}/{participant}"
	resumed = whip + "/{secret}"
)

// routes are all that api/openapi.yaml describes.
func (s *Server) routes() []route {
	all := []route{
		{method: http.MethodGet, path: "/livez", serve: s.livez},
		{method: http.MethodGet, path: "/readyz", serve: s.readyz},
		{method: http.MethodGet, path: "/openapi.yaml", serve: s.document},
	}
	if s.deps.Metrics != nil {
		all = append(all, route{method: http.MethodGet, path: "/metrics", need: auth.Read, serve: s.plain(s.deps.Metrics)})
	}
	if s.deps.WHIP != nil {
		all = append(all,
			route{method: http.MethodPost, path: whip, need: auth.Publish, serve: s.plain(s.deps.WHIP)},
			route{method: http.MethodOptions, path: whip, serve: s.plain(s.deps.WHIP)},
			route{method: http.MethodGet, path: whip, need: auth.Publish, serve: s.plain(s.deps.WHIP)},
			route{method: http.MethodGet, path: resumed, need: auth.Publish, serve: s.plain(s.deps.WHIP)},
			route{method: http.MethodPatch, path: resumed, need: auth.Publish, serve: s.plain(s.deps.WHIP)},
			route{method: http.MethodDelete, path: resumed, need: auth.Publish, serve: s.plain(s.deps.WHIP)},
			route{method: http.MethodOptions, path: resumed, serve: s.plain(s.deps.WHIP)},
		)
	}
	if s.deps.Events != nil {
		all = append(all, route{method: http.MethodGet, path: "/v1/sessions/{session}/events", need: auth.Read, whose: ofQuery, serve: s.events})
	}
	if s.deps.Calls != nil {
		all = append(all,
			route{method: http.MethodGet, path: "/v1/sessions", need: auth.Read, whose: ofToken, serve: s.sessions},
			route{method: http.MethodGet, path: "/v1/sessions/{session}", need: auth.Read, whose: ofCall, serve: s.session},
			route{method: http.MethodDelete, path: person, need: auth.Admin, self: true, serve: s.erase},
			route{method: http.MethodGet, path: person + "/consent", need: auth.Publish, serve: s.consent},
			route{method: http.MethodPut, path: person + "/consent", need: auth.Publish, serve: s.agree},
			route{method: http.MethodDelete, path: person + "/consent", need: auth.Publish, serve: s.revoke},
			route{method: http.MethodPost, path: person + "/transcript", need: auth.Publish, serve: s.transcribe},
		)
	}
	if s.deps.Pulls != nil {
		all = append(all,
			route{method: http.MethodGet, path: "/v1/pulls", need: auth.Admin, whose: ofToken, serve: s.pulls},
			route{method: http.MethodPost, path: "/v1/pulls", need: auth.Admin, whose: ofToken, serve: s.pull},
			route{method: http.MethodGet, path: "/v1/pulls/{id}", need: auth.Admin, whose: ofToken, serve: s.pullState},
			route{method: http.MethodDelete, path: "/v1/pulls/{id}", need: auth.Admin, whose: ofToken, serve: s.stopPull},
		)
	}
	return all
}

// ofQuery is for a stream of events: of one person with ?participant=.
func ofQuery(r *http.Request, _ auth.Grant) (session, participant string) {
	return r.PathValue("session"), r.URL.Query().Get("participant")
}

// ofCall is for what is cut down to those whom the token is for.
func ofCall(r *http.Request, g auth.Grant) (session, participant string) {
	return r.PathValue("session"), g.Participant
}

// ofToken is for lists that are cut down to what the token is for.
func ofToken(_ *http.Request, g auth.Grant) (session, participant string) {
	return g.Session, g.Participant
}

// mux serves the routes; a path with another method is 405 (RFC 9110, section
// 15.5.6), another path 404 or a page.
func (s *Server) mux() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, rt := range s.routes() {
		mux.Handle(rt.method+" "+rt.path, s.guard(rt))
		methods[rt.path] = append(methods[rt.path], rt.method)
		if rt.method == http.MethodGet {
			methods[rt.path] = append(methods[rt.path], http.MethodHead)
		}
	}
	for path, allowed := range methods {
		mux.Handle(path, otherMethod(allowed))
	}
	for _, below := range []string{"/v1/", "/whip/"} {
		mux.HandleFunc(below, notFound)
	}
	mux.Handle("/", s.pages())
	return mux
}

// pages serves GET of every path that is no route.
func (s *Server) pages() http.Handler {
	if s.deps.Pages == nil {
		return http.HandlerFunc(notFound)
	}
	other := otherMethod([]string{http.MethodGet, http.MethodHead})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			s.deps.Pages.ServeHTTP(w, r)
			return
		}
		other.ServeHTTP(w, r)
	})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	problem.Write(w, http.StatusNotFound, "", fmt.Sprintf("there is nothing at %.200q; /openapi.yaml says what there is", r.URL.Path))
}

// otherMethod answers OPTIONS with the methods of a path, and others with 405.
func otherMethod(allowed []string) http.Handler {
	if !slices.Contains(allowed, http.MethodOptions) {
		allowed = append(allowed, http.MethodOptions)
	}
	slices.Sort(allowed)
	list := strings.Join(allowed, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", list)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		problem.Write(w, http.StatusMethodNotAllowed, "", fmt.Sprintf("%.20q is not served here; %s are", r.Method, list))
	})
}
