package server

import (
	"container/list"
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxVisitors bounds the memory of a limiter, to about two megabytes.
const maxVisitors = 10_000

// limiter allows each address so many requests a second. It remembers the
// addresses that came last.
type limiter struct {
	rate  rate.Limit
	burst int

	mu    sync.Mutex
	known map[netip.Prefix]*list.Element
	order list.List // of *visitor, the last to come in front
}

type visitor struct {
	from   netip.Prefix
	bucket *rate.Limiter
}

// newLimiter returns nil, which allows everything, for a rate of 0.
func newLimiter(perSecond float64) *limiter {
	if perSecond == 0 {
		return nil
	}
	return &limiter{rate: rate.Limit(perSecond), burst: int(math.Ceil(2 * perSecond)), known: make(map[netip.Prefix]*list.Element)}
}

// allow takes one request into account. It returns how long its address has to
// wait first; 0 if it need not.
func (l *limiter) allow(remote string, now time.Time) time.Duration {
	if l == nil {
		return 0
	}
	bucket := l.bucket(network(remote))
	r := bucket.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

func (l *limiter) bucket(from netip.Prefix) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.known[from]
	if !ok {
		if l.order.Len() >= maxVisitors {
			oldest := l.order.Back()
			delete(l.known, l.order.Remove(oldest).(*visitor).from) // it holds nothing else
		}
		e = l.order.PushFront(&visitor{from, rate.NewLimiter(l.rate, l.burst)})
		l.known[from] = e
	}
	l.order.MoveToFront(e)
	return e.Value.(*visitor).bucket // it holds nothing else
}

// network is what counts as one client: an IPv4 address, or the IPv6 /64 that a
// subscriber gets.
func network(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	ip := at.Addr().Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	p, _ := ip.Prefix(bits) // an address has as many bits
	return p
}
