package webrtctest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"

	pion "github.com/pion/webrtc/v4"
)

// Server is a WHEP server: each who asks gets the media of Options from its
// beginning.
type Server struct {
	// CounterOffer makes it answer with 406 and an offer of its own.
	CounterOffer bool

	options Options
	http    *httptest.Server

	mu       sync.Mutex
	refuse   int // the status of the next answers; 0 serves
	sessions map[string]*Publisher
	posts    int
	deletes  int
	tokens   []string
}

// NewServer starts a WHEP server on the loopback; its endpoint is URL.
func NewServer(o Options) *Server {
	s := &Server{options: o, sessions: make(map[string]*Publisher)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/whep", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("POST /whep", s.post)
	mux.HandleFunc("PATCH /whep/{id}", s.patch)
	mux.HandleFunc("DELETE /whep/{id}", s.delete)
	s.http = httptest.NewServer(mux)
	return s
}

// URL is that of the endpoint; MovedURL redirects to it.
func (s *Server) URL() string { return s.http.URL + "/whep" }

// MovedURL is an address from which the endpoint has moved.
func (s *Server) MovedURL() string { return s.http.URL + "/moved" }

// Refuse makes it answer with a status; 0 serves again.
func (s *Server) Refuse(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = status
}

// Asked is how many offers and how many DELETEs came, and the Authorization of
// each offer.
func (s *Server) Asked() (posts, deletes int, tokens []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.posts, s.deletes, s.tokens
}

// Hangup ends every connection, as a server does that restarts.
func (s *Server) Hangup() error {
	s.mu.Lock()
	all := s.sessions
	s.sessions = make(map[string]*Publisher)
	s.mu.Unlock()
	var errs []error
	for _, p := range all {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// Close ends everything.
func (s *Server) Close() error {
	err := s.Hangup()
	s.http.Close()
	return err
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) { //nolint:contextcheck // what it begins outlives the request
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	s.posts++
	id, status := strconv.Itoa(s.posts), s.refuse
	s.tokens = append(s.tokens, r.Header.Get("Authorization"))
	s.mu.Unlock()
	if err != nil || status != 0 {
		w.WriteHeader(max(status, http.StatusBadRequest))
		return
	}
	p, err := newPublisher(context.Background(), s.options) //nolint:contextcheck // the same
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var text string
	if s.CounterOffer {
		status = http.StatusNotAcceptable
		text, err = p.gather(r.Context(), nil)
	} else {
		status = http.StatusCreated
		text, err = p.answer(r.Context(), string(body))
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.group.Go(func() { p.send(ctx) })
	if err != nil {
		http.Error(w, errors.Join(err, p.Close()).Error(), http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	s.sessions[id] = p
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/sdp")
	w.Header().Set("Location", "whep/"+id) // relative to the endpoint
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// answer answers an offer with the publisher's tracks.
func (p *Publisher) answer(ctx context.Context, offer string) (string, error) {
	if err := p.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	complete := pion.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return "", err
	}
	select {
	case <-complete:
		return p.pc.LocalDescription().SDP, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// patch takes the answer to a counter-offer.
func (s *Server) patch(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	p := s.sessions[r.PathValue("id")]
	s.mu.Unlock()
	if err != nil || p == nil || p.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: string(body)}) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) delete(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.deletes++
	p := s.sessions[r.PathValue("id")]
	delete(s.sessions, r.PathValue("id"))
	s.mu.Unlock()
	if p == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if err := p.Close(); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}
