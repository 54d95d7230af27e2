package webrtc

import (
	"net/http"
	"net/netip"
	"sync"
)

// limits counts the publishers, in total and by address.
type limits struct {
	total, each int

	mu      sync.Mutex
	taken   int
	address map[netip.Prefix]int
}

func newLimits(cfg Config) *limits {
	return &limits{total: cfg.MaxConnections, each: cfg.MaxPerAddress, address: make(map[netip.Prefix]int)}
}

// take counts one more from a remote address ("host:port"), or refuses it.
// release gives it back; calling it again does nothing.
func (l *limits) take(remote string) (release func(), err error) {
	from := network(remote)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.taken >= l.total:
		return nil, refuse(http.StatusServiceUnavailable, "max_connections", "No more connections are taken at the moment.").later(retryLater)
	case l.address[from] >= l.each:
		return nil, refuse(http.StatusTooManyRequests, "max_per_address", "Your address has as many connections as it may have.").later(retryLater)
	}
	l.taken++
	l.address[from]++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.taken--
		if l.address[from]--; l.address[from] == 0 {
			delete(l.address, from)
		}
	}), nil
}

// network is what counts as one address: IPv4 alone, IPv6 by its /64, which
// one household has. What is no address counts as one.
func network(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	address := at.Addr().Unmap().WithZone("")
	bits := 32
	if address.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(address, bits).Masked()
}
