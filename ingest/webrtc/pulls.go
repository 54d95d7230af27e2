package webrtc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// How long a pull waits before it tries again: twice as long each time, less
// up to a half by chance, so that many do not come at once.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// steady is how long a connection must have stood for the waits to begin anew.
	steady = 10 * time.Second
)

// pulls are the sources that are fetched.
type pulls struct {
	gateway *Gateway
	client  *http.Client

	mu     sync.Mutex
	byID   map[string]*pull
	newest int
}

// pull is one of them.
type pull struct {
	asked  Pull
	number int
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	state PullState
}

func newPulls(g *Gateway) *pulls {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second}
	return &pulls{gateway: g, client: &http.Client{Transport: transport, Timeout: 20 * time.Second}, byID: make(map[string]*pull)}
}

// start begins one.
func (s *pulls) start(p Pull) (PullState, error) {
	if err := p.Validate(); err != nil {
		return PullState{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.byID {
		if other.asked.Session == p.Session && other.asked.Participant == p.Participant {
			return PullState{}, fmt.Errorf("%w: the media of %q in %q is fetched already", ErrPull, p.Participant, p.Session)
		}
	}
	s.newest++
	ctx, cancel := context.WithCancel(context.Background())
	one := &pull{
		asked: p, number: s.newest, cancel: cancel, done: make(chan struct{}),
		state: PullState{ID: strconv.Itoa(s.newest), URL: p.URL, Session: p.Session, Participant: p.Participant, State: PullConnecting, Since: time.Now()},
	}
	s.byID[one.state.ID] = one
	go s.run(ctx, one)
	return one.now(), nil
}

func (s *pulls) list() []PullState {
	s.mu.Lock()
	all := make([]*pull, 0, len(s.byID))
	for _, p := range s.byID {
		all = append(all, p)
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *pull) int { return cmp.Compare(a.number, b.number) })
	out := make([]PullState, 0, len(all))
	for _, p := range all {
		out = append(out, p.now())
	}
	return out
}

func (s *pulls) stop(id string) error {
	s.mu.Lock()
	p := s.byID[id]
	delete(s.byID, id)
	s.mu.Unlock()
	if p == nil {
		return fmt.Errorf("%w: %q", ErrNoPull, id)
	}
	p.cancel()
	<-p.done
	return nil
}

// stopAll ends all of them, at once.
func (s *pulls) stopAll() {
	s.mu.Lock()
	all := s.byID
	s.byID = make(map[string]*pull)
	s.mu.Unlock()
	for _, p := range all {
		p.cancel()
	}
	for _, p := range all {
		<-p.done
	}
	s.client.CloseIdleConnections()
}

// run fetches until ctx ends.
func (s *pulls) run(ctx context.Context, p *pull) {
	defer close(p.done)
	wait := firstRetry
	source := newWHEP(s, p)
	logger := s.gateway.logger.With(slog.String("session", p.asked.Session), slog.String("participant", p.asked.Participant), slog.String("url", p.asked.URL))
	for {
		p.is(PullConnecting, "")
		stood, err := source.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		if stood >= steady {
			wait = firstRetry
		}
		pause := wait/2 + rand.N(wait/2) //nolint:gosec // G404: chance, no secret
		if after, ok := errors.AsType[*tooEarlyError](err); ok {
			pause = max(pause, min(after.wait, 10*lastRetry))
		}
		wait = min(2*wait, lastRetry)
		logger.InfoContext(ctx, "a source has ended and is tried again", slog.String("error", err.Error()), slog.Duration("after", pause))
		p.is(PullWaiting, err.Error())
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// is notes what the pull does; the error of an attempt stays until one stands.
func (p *pull) is(state, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.State, p.state.Since = state, time.Now()
	if state != PullConnecting {
		p.state.Error = why
	}
}

func (p *pull) now() PullState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}
