package webrtc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	pion "github.com/pion/webrtc/v4"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/telemetry"
)

// Gateway takes media by WHIP and WHEP and delivers it to seats in live calls.
// Its methods may be called from any goroutine, Start and Shutdown once.
type Gateway struct {
	cfg     Config
	seating ingest.Seating
	logger  *slog.Logger
	count   counters
	limits  *limits
	pulls   *pulls
	packets sync.Pool // of *held

	mu          sync.Mutex
	state       state
	sockets     *sockets
	publishers  *pion.API // over the shared ports
	clients     *pion.API // over ports of their own, for WHEP
	connections map[person]*connection
	secrets     map[string]*connection
	running     sync.WaitGroup // one for each connection
}

type state uint8

const (
	stateNew state = iota
	stateOpen
	stateClosed
)

// person is a participant of a session, by their ids.
type person struct{ session, participant string }

// ErrState says that a Gateway is not open: not started, or shut down.
var ErrState = errors.New("the WebRTC gateway is not open")

// New checks the settings and starts nothing.
func New(cfg Config, seating ingest.Seating, set telemetry.Settings) (*Gateway, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	count, err := newCounters(set.Meter)
	if err != nil {
		return nil, fmt.Errorf("metrics of ingest/webrtc: %w", err)
	}
	g := &Gateway{
		cfg: cfg, seating: seating, logger: set.Logger, count: count, limits: newLimits(cfg),
		packets:     sync.Pool{New: func() any { return new(held) }},
		connections: make(map[person]*connection), secrets: make(map[string]*connection),
	}
	g.pulls = newPulls(g)
	return g, nil
}

// Start opens the ports and begins the configured pulls. ctx bounds opening
// alone.
func (g *Gateway) Start(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != stateNew {
		return ErrState
	}
	logs := pionLog{logger: g.logger}
	opened, err := openSockets(ctx, g.cfg, logs)
	if err != nil {
		return err
	}
	publishers, err := newAPI(g.cfg, opened, logs)
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	clients, err := newAPI(g.cfg, nil, logs)
	if err != nil {
		return errors.Join(err, opened.Close())
	}
	g.sockets, g.publishers, g.clients, g.state = opened, publishers, clients, stateOpen
	for _, p := range g.cfg.Pull {
		if _, err := g.pulls.start(p); err != nil { //nolint:contextcheck // it outlives Start
			g.logger.WarnContext(ctx, "a configured pull was left out", slog.String("url", p.URL), slog.String("error", err.Error()))
		}
	}
	return nil
}

// Addrs lists the addresses on which media comes in: *net.UDPAddr and
// *net.TCPAddr. It is empty before Start.
func (g *Gateway) Addrs() []net.Addr {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sockets == nil {
		return nil
	}
	return g.sockets.at
}

// Shutdown refuses new connections, ends those that there are, each after its
// last Samples, and closes the ports. If ctx ends first it closes the ports at
// once and returns the error of ctx.
func (g *Gateway) Shutdown(ctx context.Context) error {
	g.mu.Lock()
	was := g.state
	g.state = stateClosed
	for _, c := range g.connections {
		c.end(endShutdown)
	}
	opened := g.sockets
	g.mu.Unlock()
	if was != stateOpen {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.pulls.stopAll()
		g.running.Wait()
	}()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = fmt.Errorf("connections were still ending: %w", ctx.Err())
	}
	return errors.Join(err, opened.Close())
}

// Stats says how much is going on.
type Stats struct {
	// Publishers is how many clients are connected by WHIP, Pulls how many
	// servers by WHEP.
	Publishers, Pulls int
}

// Stats returns how much is going on now.
func (g *Gateway) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	var s Stats
	for _, c := range g.connections {
		if c.source == sourceWHEP {
			s.Pulls++
		} else {
			s.Publishers++
		}
	}
	return s
}

// errPublished keeps a pull from driving away one who publishes, who would come
// again and drive it away.
var errPublished = errors.New("the participant publishes directly")

// register makes c the connection of its person, and returns the one before, if
// there is one.
func (g *Gateway) register(c *connection) (old *connection, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != stateOpen {
		return nil, errNotOpen()
	}
	old = g.connections[c.who]
	if old != nil && old.source == sourceWHIP && c.source == sourceWHEP {
		return nil, errPublished
	}
	g.connections[c.who] = c
	if c.secret != "" {
		g.secrets[c.secret] = c
	}
	g.running.Add(1)
	return old, nil
}

// forget takes c out of the books, once it has ended.
func (g *Gateway) forget(c *connection) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.connections[c.who] == c {
		delete(g.connections, c.who)
	}
	delete(g.secrets, c.secret)
	g.running.Done()
}

// resource finds the connection that a URL names.
func (g *Gateway) resource(who person, secret string) *connection {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.secrets[secret]
	if c == nil || c.who != who {
		return nil
	}
	return c
}

// api returns what makes connections.
func (g *Gateway) api(source source) (*pion.API, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state != stateOpen {
		return nil, errNotOpen()
	}
	if source == sourceWHEP {
		return g.clients, nil
	}
	return g.publishers, nil
}
