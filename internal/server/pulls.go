package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/auth"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/problem"
	"github.com/valence-live/valence/sink"
)

// maxURL bounds the address of a source, in bytes.
const maxURL = 2048

// pulls lists what is fetched for those whom the token is for.
func (s *Server) pulls(w http.ResponseWriter, r *http.Request, g auth.Grant) {
	s.answer(w, r, http.StatusOK, s.covered(g))
}

func (s *Server) covered(g auth.Grant) []PullState {
	out := []PullState{}
	for _, p := range s.deps.Pulls.Pulls() {
		if g.Covers(p.Session, p.Participant) {
			out = append(out, p)
		}
	}
	return out
}

// pull begins to fetch.
func (s *Server) pull(w http.ResponseWriter, r *http.Request, g auth.Grant) {
	data, ok := s.body(w, r, typeJSON)
	if !ok {
		return
	}
	p, err := parsePull(data)
	if err != nil {
		problem.Write(w, http.StatusBadRequest, "Unusable source", err.Error())
		return
	}
	if err = g.Check(auth.Admin, p.Session, p.Participant); err != nil {
		unauthorised(w, err, auth.Admin)
		return
	}
	state, err := s.deps.Pulls.Pull(p)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Location", "/v1/pulls/"+url.PathEscape(state.ID))
	s.answer(w, r, http.StatusCreated, state)
}

func parsePull(data []byte) (Pull, error) {
	fields, err := object(data, "url", "token", "session", "participant", "consent", "purpose")
	if err != nil {
		return Pull{}, err
	}
	var p Pull
	if err = texts(fields, map[string]*string{"url": &p.URL, "token": &p.Token, "session": &p.Session, "participant": &p.Participant}); err != nil {
		return Pull{}, err
	}
	if _, err = ingest.NewParticipant(p.Session, p.Participant); err != nil {
		return Pull{}, err
	}
	if err = checkSource(p.URL); err != nil {
		return Pull{}, err
	}
	if p.Consent, err = consentOf(fields); err != nil {
		return Pull{}, fmt.Errorf("the field \"consent\": %w", err)
	}
	p.Purpose, err = purposeOf(fields)
	return p, err
}

// consentOf reads the consent; none if there is no such field.
func consentOf(fields map[string]json.RawMessage) (sink.Modes[bool], error) {
	raw, ok := fields["consent"]
	if !ok {
		return sink.Modes[bool]{}, nil
	}
	agreed, err := object(raw, "text", "audio", "video")
	if err != nil {
		return sink.Modes[bool]{}, err
	}
	return modes(agreed)
}

// checkSource refuses addresses that cannot be of a WHEP endpoint, and those
// with a password: everybody who may list the sources would see it.
func checkSource(text string) error {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL:
		return fmt.Errorf("the field \"url\" has %d bytes, at most %d are taken", len(text), maxURL)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return errors.New("the field \"url\" must be that of a WHEP endpoint, http or https")
	case u.User != nil:
		return errors.New("the field \"url\" holds a name or password; give a \"token\"")
	}
	return nil
}

// find returns the source of the path, if it is one that the token is for.
func (s *Server) find(w http.ResponseWriter, r *http.Request, g auth.Grant) (PullState, bool) {
	id, all := r.PathValue("id"), s.covered(g)
	i := slices.IndexFunc(all, func(p PullState) bool { return p.ID == id })
	if i < 0 {
		s.fail(w, r, fmt.Errorf("source %q is %w", id, calls.ErrUnknown))
		return PullState{}, false
	}
	return all[i], true
}

func (s *Server) pullState(w http.ResponseWriter, r *http.Request, g auth.Grant) {
	if p, ok := s.find(w, r, g); ok {
		s.answer(w, r, http.StatusOK, p)
	}
}

func (s *Server) stopPull(w http.ResponseWriter, r *http.Request, g auth.Grant) {
	p, ok := s.find(w, r, g)
	if !ok {
		return
	}
	if err := s.deps.Pulls.Stop(p.ID); err != nil {
		s.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
