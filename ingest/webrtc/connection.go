package webrtc

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	pion "github.com/pion/webrtc/v4"

	"github.com/valence-live/valence/ingest"
)

// source is how a connection came to be.
type source string

const (
	sourceWHIP source = "whip"
	sourceWHEP source = "whep"
)

// ending is why a connection ends; it labels a metric.
type ending string

const (
	endDeleted  ending = "deleted"
	endClosed   ending = "closed"   // by the peer, without DELETE
	endReplaced ending = "replaced" // the participant came again
	endFailed   ending = "failed"   // the network
	endConnect  ending = "connect"  // never came to be
	endIdle     ending = "idle"
	endCall     ending = "call" // the call is over
	endShutdown ending = "shutdown"
	endAbuse    ending = "abuse"
)

// reason is why the tracks have nothing from then on.
func (e ending) reason() ingest.Reason {
	switch e {
	case endReplaced, endFailed, endConnect, endIdle:
		return ingest.ReasonLost
	case endDeleted, endClosed, endCall, endShutdown, endAbuse:
		return ingest.ReasonNoTrack
	default:
		return ingest.ReasonLost
	}
}

// tick is how often time is told to what waits for packets, and consent asked
// for while none come.
const tick = 20 * time.Millisecond

// arrivalQueue is how many packets may wait for the connection's goroutine: a
// second of a large picture. What comes above is dropped and counted.
const arrivalQueue = 512

// An arrival is an RTP packet or a sender report.
type arrival struct {
	remote *remote
	packet *held
	report *rtcp.SenderReport
	at     time.Time
}

// connection is one peer: its seat, its tracks, and the goroutine that takes
// what they bring.
type connection struct {
	gateway *Gateway
	who     person
	source  source
	secret  string // of its URL; empty for WHEP
	pc      *pion.PeerConnection
	seat    ingest.Seat
	logger  *slog.Logger
	ice     iceSession

	arrivals  chan arrival
	connected chan struct{} // closed at the first connection
	ending    chan struct{} // closed by end
	done      chan struct{} // closed when all is over
	connect   sync.Once
	once      sync.Once
	why       ending       // set before ending is closed
	heard     atomic.Int64 // Unix nanoseconds of the newest packet or message

	mu           sync.Mutex
	closed       bool
	channels     int  // data channels opened so far
	transcribing bool // one of them takes transcripts
	readers      sync.WaitGroup
	remotes      chan *remote // new tracks, to the goroutine
}

func (g *Gateway) newConnection(who person, from source, pc *pion.PeerConnection, seat ingest.Seat) *connection {
	c := &connection{
		gateway: g, who: who, source: from, pc: pc, seat: seat,
		logger:   g.logger.With(slog.String("session", who.session), slog.String("participant", who.participant), slog.String("source", string(from))),
		arrivals: make(chan arrival, arrivalQueue), remotes: make(chan *remote, maxLayers+1),
		connected: make(chan struct{}), ending: make(chan struct{}), done: make(chan struct{}),
	}
	c.heard.Store(time.Now().UnixNano())
	pc.OnConnectionStateChange(c.stateChanged)
	pc.OnTrack(c.addTrack)
	pc.OnDataChannel(c.addChannel)
	return c
}

// stateChanged follows pion's state; it is called by goroutines of pion's.
func (c *connection) stateChanged(s pion.PeerConnectionState) {
	switch s {
	case pion.PeerConnectionStateConnected:
		c.connect.Do(func() { close(c.connected) })
	case pion.PeerConnectionStateFailed:
		c.end(endFailed)
	case pion.PeerConnectionStateClosed:
		c.end(endClosed)
	case pion.PeerConnectionStateUnknown, pion.PeerConnectionStateNew, pion.PeerConnectionStateConnecting, pion.PeerConnectionStateDisconnected:
	}
}

// end begins the end of the connection; the first reason counts.
func (c *connection) end(why ending) {
	c.once.Do(func() {
		c.why = why
		close(c.ending)
	})
}

// discard takes back a connection that was never run.
func (c *connection) discard() {
	c.end(endConnect)
	c.close()
	c.seat.Leave()
	close(c.done)
}

// close closes the peer connection and waits for its readers.
func (c *connection) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	_ = c.pc.GracefulClose() // it is over either way
	c.readers.Wait()
}

// run takes what the tracks bring until the connection ends.
func (c *connection) run() {
	defer close(c.done)
	defer c.gateway.forget(c)
	started := time.Now()
	c.gateway.count.open(string(c.source))
	c.logger.Info("a participant connects")
	m := newMedia(c)
	c.serve(m)
	m.end(time.Now(), c.why.reason())
	c.close()
	c.seat.Leave()
	c.gateway.count.end(string(c.source), string(c.why))
	c.logger.Info("a participant is gone", slog.String("reason", string(c.why)), slog.Duration("after", time.Since(started)))
}

func (c *connection) serve(m *media) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	connecting := time.NewTimer(c.gateway.cfg.Connect)
	defer connecting.Stop()
	connected := c.connected
	for {
		select {
		case <-c.ending:
			return
		case <-connected:
			connected = nil
			connecting.Stop()
			c.heard.Store(time.Now().UnixNano())
			c.logger.Info("a participant is connected")
		case <-connecting.C:
			c.end(endConnect)
		case r := <-c.remotes:
			m.add(r)
		case a := <-c.arrivals:
			m.take(a)
			if a.packet != nil {
				c.gateway.packets.Put(a.packet)
			}
		case now := <-ticker.C:
			m.tick(now)
			if now.Sub(time.Unix(0, c.heard.Load())) > c.gateway.cfg.Idle {
				c.end(endIdle)
			}
		}
	}
}

// handle gives a Sample to the call.
func (c *connection) handle(s ingest.Sample) {
	if err := c.seat.Handle(context.Background(), s); err != nil {
		c.end(endCall)
	}
}

func errNotOpen() error {
	return refuse(http.StatusServiceUnavailable, "not_open", "The server is starting or stopping.").later(retrySoon).because(ErrState)
}
