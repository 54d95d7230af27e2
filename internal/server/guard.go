package server

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/auth"
	"github.com/valence-live/valence/internal/problem"
)

// guard lets a request through to its route: not too many, with a token that
// allows it, about ids that can be, and with a body within bounds.
func (s *Server) guard(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if wait := s.posts.allow(r.RemoteAddr, time.Now()); wait > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
				problem.Write(w, http.StatusTooManyRequests, "", fmt.Sprintf("more than %g requests a second come from your address (server.post_rate)", s.cfg.PostRate))
				return
			}
		}
		if err := checkIDs(r); err != nil {
			problem.Write(w, http.StatusBadRequest, "Unusable id", err.Error())
			return
		}
		var grant auth.Grant
		if rt.need != "" {
			var ok bool
			if grant, ok = s.authorise(w, r, rt); !ok {
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, s.cfg.MaxBody)
		if token := r.URL.Query().Get(auth.QueryToken); token != "" {
			w, r = &located{w, token}, withoutToken(r)
		}
		rt.serve(w, r, grant)
	})
}

// checkIDs applies the rule of ingest to the ids in the path.
func checkIDs(r *http.Request) error {
	session, participant := r.PathValue("session"), r.PathValue("participant")
	if session == "" {
		return nil // the path has none: a part of a path is never empty
	}
	if participant == "" {
		participant = "-"
	}
	_, err := ingest.NewParticipant(session, participant)
	return err
}

// authorise answers the request itself if it may not be served.
func (s *Server) authorise(w http.ResponseWriter, r *http.Request, rt route) (auth.Grant, bool) {
	grant, err := s.tokens.Check(r)
	if err == nil {
		session, participant := r.PathValue("session"), r.PathValue("participant")
		if rt.whose != nil {
			session, participant = rt.whose(r, grant)
		}
		if err = grant.Check(rt.need, session, participant); rt.self && grant.Has(auth.Publish) && grant.Session == session && grant.Participant == participant {
			err = nil
		}
	}
	if err != nil {
		unauthorised(w, err, rt.need)
		return auth.Grant{}, false
	}
	return grant, true
}

// unauthorised answers with what is missing (RFC 6750, section 3.1).
func unauthorised(w http.ResponseWriter, err error, need auth.Scope) {
	status, detail := http.StatusUnauthorized, fmt.Sprintf("%v; this needs the scope %s", err, need)
	switch {
	case errors.Is(err, auth.ErrForbidden):
		status, detail = http.StatusForbidden, err.Error()
	case errors.Is(err, auth.ErrRequest):
		status, detail = http.StatusBadRequest, err.Error()
	}
	w.Header().Set("WWW-Authenticate", auth.Challenge(err, need))
	problem.Write(w, status, "", detail)
}

// withoutToken takes a token out of the query, so that nothing behind writes it
// down.
func withoutToken(r *http.Request) *http.Request {
	query := r.URL.Query()
	query.Del(auth.QueryToken)
	out := r.WithContext(r.Context())
	out.URL = new(url.URL)
	*out.URL = *r.URL
	out.URL.RawQuery = query.Encode()
	out.RequestURI = out.URL.RequestURI()
	return out
}

// located gives a client that has its token in the query, since it cannot set
// headers, the same query for what it has made: it cannot end it otherwise.
type located struct {
	http.ResponseWriter
	token string
}

// Unwrap lets http.ResponseController through.
func (l *located) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (l *located) WriteHeader(status int) {
	if u, err := url.Parse(l.Header().Get("Location")); err == nil && status == http.StatusCreated && u.Path != "" {
		query := u.Query()
		query.Set(auth.QueryToken, l.token)
		u.RawQuery = query.Encode()
		l.Header().Set("Location", u.String())
	}
	l.ResponseWriter.WriteHeader(status)
}

// plain serves a handler that asks nothing of the token.
func (s *Server) plain(h http.Handler) func(http.ResponseWriter, *http.Request, auth.Grant) {
	return func(w http.ResponseWriter, r *http.Request, _ auth.Grant) { h.ServeHTTP(w, r) }
}
