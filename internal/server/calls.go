package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/transcript"
	"github.com/valence-live/valence/internal/auth"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/problem"
	"github.com/valence-live/valence/sink"
)

// retryFull is when one may try again who found no room, in seconds.
const retryFull = "30"

// fail answers with an error of the stages behind.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, title, detail := http.StatusInternalServerError, "", err.Error()
	switch {
	case errors.Is(err, ingest.ErrID):
		status, title = http.StatusBadRequest, "Unusable id"
	case errors.Is(err, transcript.ErrType):
		status = http.StatusUnsupportedMediaType
	case errors.Is(err, ingest.ErrTranscript):
		status, title = http.StatusBadRequest, "Unusable transcript"
	case errors.Is(err, ingest.ErrPurpose):
		status, title = http.StatusConflict, "Another purpose"
	case errors.Is(err, ErrPull):
		status, title = http.StatusConflict, "Unusable source"
	case errors.Is(err, calls.ErrNoConsent):
		status, title = http.StatusForbidden, "No consent"
	case errors.Is(err, calls.ErrUnknown):
		status = http.StatusNotFound
	case errors.Is(err, calls.ErrEnded):
		status, title = http.StatusConflict, "The call has ended"
	case errors.Is(err, ingest.ErrFull):
		status, title = http.StatusServiceUnavailable, "No room"
		w.Header().Set("Retry-After", retryFull)
	default:
		s.faults.Warn(r.Context(), fmt.Errorf("%s: %w", r.Pattern, err))
		detail = "the server has a fault here; its log says more"
	}
	problem.Write(w, status, title, detail)
}

// answer writes a value.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, status int, value any) {
	if err := write(w, status, value); err != nil {
		s.fail(w, r, err)
	}
}

// sessions lists the calls that the token is for.
func (s *Server) sessions(w http.ResponseWriter, r *http.Request, g auth.Grant) {
	out := []calls.SessionState{}
	for _, state := range s.deps.Calls.Sessions() {
		if g.Covers(state.Session, g.Participant) {
			out = append(out, narrowed(state, g))
		}
	}
	s.answer(w, r, http.StatusOK, out)
}

func (s *Server) session(w http.ResponseWriter, r *http.Request, g auth.Grant) {
	id := r.PathValue("session")
	state, ok := s.deps.Calls.Session(id)
	if !ok {
		s.fail(w, r, unknownSession(id))
		return
	}
	s.answer(w, r, http.StatusOK, narrowed(state, g))
}

// narrowed leaves the participants that the token is for.
func narrowed(state calls.SessionState, g auth.Grant) calls.SessionState {
	people := make([]calls.ParticipantState, 0, len(state.Participants))
	for _, p := range state.Participants {
		if g.Covers(state.Session, p.Participant) {
			people = append(people, p)
		}
	}
	state.Participants = people
	return state
}

func unknownSession(id string) error { return fmt.Errorf("session %q is %w", id, calls.ErrUnknown) }

// consent tells what a participant has agreed to.
func (s *Server) consent(w http.ResponseWriter, r *http.Request, _ auth.Grant) {
	session, participant := r.PathValue("session"), r.PathValue("participant")
	state, ok := s.deps.Calls.Session(session)
	if !ok {
		s.fail(w, r, unknownSession(session))
		return
	}
	i := slices.IndexFunc(state.Participants, func(p calls.ParticipantState) bool { return p.Participant == participant })
	if i < 0 {
		s.fail(w, r, fmt.Errorf("participant %q of session %q is %w", participant, session, calls.ErrUnknown))
		return
	}
	s.answer(w, r, http.StatusOK, state.Participants[i].Status)
}

// agree records what a participant agrees to, and nothing else: what the body
// does not name is not agreed to.
func (s *Server) agree(w http.ResponseWriter, r *http.Request, _ auth.Grant) {
	data, ok := s.body(w, r, typeJSON)
	if !ok {
		return
	}
	agreed, purpose, err := parseConsent(data)
	if err != nil {
		problem.Write(w, http.StatusBadRequest, "Unusable consent", err.Error())
		return
	}
	status, err := s.deps.Calls.SetConsent(r.PathValue("session"), r.PathValue("participant"), agreed, purpose)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, r, http.StatusOK, status)
}

func parseConsent(data []byte) (sink.Modes[bool], ingest.Purpose, error) {
	fields, err := object(data, "text", "audio", "video", "purpose")
	if err != nil {
		return sink.Modes[bool]{}, "", err
	}
	agreed, err := modes(fields)
	if err != nil {
		return sink.Modes[bool]{}, "", err
	}
	purpose, err := purposeOf(fields)
	return agreed, purpose, err
}

// modes reads the three booleans; one that is absent is false.
func modes(fields map[string]json.RawMessage) (agreed sink.Modes[bool], err error) {
	for key, into := range map[string]*bool{"text": &agreed.Text, "audio": &agreed.Audio, "video": &agreed.Video} {
		switch raw := string(fields[key]); raw {
		case "true":
			*into = true
		case "false", "":
		default:
			return sink.Modes[bool]{}, fmt.Errorf("the field %q must be true or false", key)
		}
	}
	return agreed, nil
}

// purposeOf reads the purpose; empty if there is none.
func purposeOf(fields map[string]json.RawMessage) (ingest.Purpose, error) {
	var name string
	if err := texts(fields, map[string]*string{"purpose": &name}); err != nil {
		return "", err
	}
	if _, ok := fields["purpose"]; !ok {
		return "", nil
	}
	return ingest.ParsePurpose(name)
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request, _ auth.Grant) {
	if err := s.deps.Calls.Revoke(r.PathValue("session"), r.PathValue("participant")); err != nil {
		s.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// transcribe takes segments of what a participant said.
func (s *Server) transcribe(w http.ResponseWriter, r *http.Request, _ auth.Grant) {
	data, ok := s.body(w, r, transcript.TypeJSON, transcript.TypeVTT)
	if !ok {
		return
	}
	n, err := s.deps.Calls.Transcribe(r.Context(), r.PathValue("session"), r.PathValue("participant"), r.Header.Get("Content-Type"), data)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.answer(w, r, http.StatusAccepted, map[string]int{"accepted": n})
}

func (s *Server) erase(w http.ResponseWriter, r *http.Request, _ auth.Grant) {
	if err := s.deps.Calls.Erase(r.PathValue("session"), r.PathValue("participant")); err != nil {
		s.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
