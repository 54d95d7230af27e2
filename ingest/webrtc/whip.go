package webrtc

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
)

// The media types of WHIP.
const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
)

// WHIP returns the handler of WHIP endpoints and their resources (RFC 9725). It
// reads {session}, {participant} and, for a resource, {secret} from the path,
// and the headers Valence-Consent and Valence-Purpose. Who may publish, and
// CORS, are the business of what stands before it.
func (g *Gateway) WHIP() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.serve(w, r); err != nil {
			refused := asRefusal(err)
			g.count.refuse(r.Context(), refused)
			if refused.status == http.StatusInternalServerError {
				g.logger.WarnContext(r.Context(), "a WHIP request failed", slog.String("method", r.Method), slog.String("error", err.Error()))
			} else {
				g.logger.DebugContext(r.Context(), "a WHIP request was refused", slog.Int("status", refused.status), slog.String("reason", refused.reason), slog.String("error", err.Error()))
			}
			refused.write(w)
		}
	})
}

func (g *Gateway) serve(w http.ResponseWriter, r *http.Request) error {
	secret := r.PathValue("secret")
	switch {
	case r.Method == http.MethodOptions:
		return g.options(w, r)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		// There is nothing to represent, yet it is no error (RFC 9725, 4.1).
		w.WriteHeader(http.StatusNoContent)
		return nil
	case r.Method == http.MethodPost && secret == "":
		return g.post(w, r)
	case r.Method == http.MethodPatch && secret != "":
		return g.patch(w, r, secret)
	case r.Method == http.MethodDelete && secret != "":
		return g.delete(w, r, secret)
	}
	allowed := "OPTIONS, GET, HEAD, POST"
	if secret != "" {
		allowed = "OPTIONS, GET, HEAD, PATCH, DELETE"
	}
	w.Header().Set("Allow", allowed)
	return refuse(http.StatusMethodNotAllowed, "method", "Publish by POST of an offer; PATCH and DELETE belong to the URL in its Location.")
}

// options says what is taken, and which ICE servers there are, for clients that
// cannot learn them later.
func (g *Gateway) options(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Accept-Post", typeSDP)
	w.Header().Set("Accept-Patch", typeFragment)
	if r.Header.Get("Access-Control-Request-Method") == "" {
		g.cfg.setLinks(w.Header())
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// post takes an offer.
func (g *Gateway) post(w http.ResponseWriter, r *http.Request) error {
	if err := g.expect(r, typeSDP); err != nil {
		return err
	}
	if !accepts(r.Header.Values("Accept"), typeSDP) {
		return refuse(http.StatusNotAcceptable, "accept", "The answer is %s, which Accept excludes.", typeSDP)
	}
	entry, err := entryOf(r)
	if err != nil {
		return err
	}
	body, err := g.read(w, r)
	if err != nil {
		return err
	}
	offer, err := parseOffer(body, g.cfg.MaxCandidates)
	if err != nil {
		return err
	}
	release, err := g.limits.take(r.RemoteAddr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), gatherPatience)
	defer cancel()
	c, err := g.join(entry, sourceWHIP)
	if err != nil {
		release()
		return err
	}
	c.secret = rand.Text()
	answer, err := c.ice.negotiate(ctx, c.pc, offer)
	if err == nil {
		err = g.run(ctx, c, release)
	} else {
		c.discard()
		release()
	}
	if err != nil {
		return err
	}
	h := w.Header()
	g.cfg.setLinks(h)
	h.Set("Content-Type", typeSDP)
	h.Set("Cache-Control", "no-store")
	h.Set("ETag", c.ice.tag)
	h.Set("Location", location(r, c.secret))
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // the client may be gone: it has until Connect
	return nil
}

// location is the URL of the new resource. The query stays: it may hold the
// token of a client that can send no header.
func location(r *http.Request, secret string) string {
	to := strings.TrimSuffix(r.URL.EscapedPath(), "/") + "/" + secret
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	return to
}

// patch takes candidates or restarts ICE.
func (g *Gateway) patch(w http.ResponseWriter, r *http.Request, secret string) error {
	c := g.resource(who(r), secret)
	if c == nil {
		return errGone()
	}
	if err := g.expect(r, typeFragment); err != nil {
		return err
	}
	body, err := g.read(w, r)
	if err != nil {
		return err
	}
	f, err := parseFragment(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), gatherPatience)
	defer cancel()
	answer, tag, err := c.ice.patch(ctx, c.pc, r.Header.Values("If-Match"), f, g.cfg)
	switch {
	case err != nil:
		return err
	case answer == nil:
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Content-Type", typeFragment)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("ETag", tag)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(answer) // the client may be gone
	return nil
}

// delete ends a connection. It answers when the last Samples were delivered.
func (g *Gateway) delete(w http.ResponseWriter, r *http.Request, secret string) error {
	c := g.resource(who(r), secret)
	if c == nil {
		return errGone()
	}
	c.end(endDeleted)
	select {
	case <-c.done:
	case <-r.Context().Done():
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func errGone() error {
	return refuse(http.StatusNotFound, "resource", "There is no such WHIP session; it may have ended.")
}

func who(r *http.Request) person {
	return person{r.PathValue("session"), r.PathValue("participant")}
}

// expect checks the media type of a request's body.
func (g *Gateway) expect(r *http.Request, want string) error {
	have, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || have != want {
		return refuse(http.StatusUnsupportedMediaType, "content_type", "The Content-Type must be %s.", want)
	}
	return nil
}

// read reads a body no larger than MaxSDP.
func (g *Gateway) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(g.cfg.MaxSDP)))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, refuse(http.StatusRequestEntityTooLarge, "size", "The body has more than %d bytes.", g.cfg.MaxSDP)
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "body", "The body could not be read.").because(err)
	}
	return body, nil
}

// accepts reports whether Accept allows a media type; without it everything is.
func accepts(accept []string, want string) bool {
	kind, _, _ := strings.Cut(want, "/")
	listed := false
	for _, field := range accept {
		for one := range strings.SplitSeq(field, ",") {
			name, parameters, err := mime.ParseMediaType(one)
			if err != nil {
				continue
			}
			listed = true
			if (name == want || name == kind+"/*" || name == "*/*") && strings.Trim(parameters["q"], "0.") != "" || name == want && parameters["q"] == "" || parameters["q"] == "" && (name == "*/*" || name == kind+"/*") {
				return true
			}
		}
	}
	return !listed
}
