package server

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// streams are the responses that last: they are ended when the server stops,
// and have no time-out as a whole.
type streams struct {
	mu     sync.Mutex
	ended  bool
	cancel map[int]context.CancelFunc
	next   int
	open   sync.WaitGroup
}

// serve lets a handler write for as long as it likes.
func (s *streams) serve(h http.Handler, w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer s.enter(cancel)()
	// The one to read ends with the request. Where deadlines are not supported, as
	// in tests, there are none.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	h.ServeHTTP(w, r.WithContext(ctx))
}

// enter notes a stream, and returns how to leave.
func (s *streams) enter(cancel context.CancelFunc) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		cancel()
		return func() {}
	}
	if s.cancel == nil {
		s.cancel = make(map[int]context.CancelFunc)
	}
	id := s.next
	s.next++
	s.cancel[id] = cancel
	s.open.Add(1)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.cancel, id)
		s.open.Done()
	}
}

// end ends those that are open and those that come.
func (s *streams) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, cancel := range s.cancel {
		cancel()
	}
}

// wait returns when all have ended, those that took their connection over too.
func (s *streams) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.open.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
