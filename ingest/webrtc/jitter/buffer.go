// Package jitter puts the RTP packets of one stream in order.
//
// Packets that come in order pass at once. Behind a hole they wait until the
// missing packet comes (others ask for it again) or the first of them has waited
// for a fixed delay; then the hole is reported and they pass.
package jitter

import "time"

const (
	// maxDropout is the jump of sequence numbers that is believed at once, and
	// maxMisorder how late a packet is recognised as one that came late; beyond
	// them the stream is taken for restarted as soon as two packets in a row say
	// so (RFC 3550, A.1).
	maxDropout  = 3000
	maxMisorder = 1024
)

// Packet is what the buffer needs to know of an RTP packet, and what else its
// user wants to know of it.
type Packet[M any] struct {
	Seq     uint16
	Payload []byte
	Meta    M
}

// Verdict says what became of a packet that was pushed.
type Verdict uint8

// What becomes of packets.
const (
	Passed    Verdict = iota // was delivered
	Held                     // waits behind a hole
	Duplicate                // was there already
	Late                     // its place had been given up
	Astray                   // is far from all others; the next one will tell
)

// Buffer is a reorder buffer. It is used by one goroutine at a time. It holds at
// most as many packets as New was told, and allocates only while it holds more
// of them than ever before.
type Buffer[M any] struct {
	delay   time.Duration
	deliver func(*Packet[M])
	lost    func(n int)

	begun  bool
	next   uint16 // the first packet that is neither delivered nor given up
	newest uint16
	seen   [maxMisorder / 64]uint64

	slots  []slot[M] // a ring by sequence number
	held   int
	oldest time.Time // arrival of the packet that waits longest
	free   [][]byte

	probing bool
	probe   uint16 // a packet of this number confirms a restart
}

type slot[M any] struct {
	full    bool
	arrival time.Time
	packet  Packet[M]
}

// New returns a Buffer in which packets wait for at most delay behind a hole and
// at most size of them, which is rounded up to a power of two.
//
// deliver gets the packets in order; they and their payload are only valid until
// it returns. lost gets, at its place in the order, how many packets will not
// come; 0 if the stream was restarted and nobody knows. Neither may call the
// Buffer.
func New[M any](delay time.Duration, size int, deliver func(*Packet[M]), lost func(n int)) *Buffer[M] {
	n := 1
	for n < size {
		n *= 2
	}
	return &Buffer[M]{delay: delay, deliver: deliver, lost: lost, slots: make([]slot[M], n)}
}

// Newest reports whether a packet would be newer than all that were pushed, as far
// as its number is believed.
func (b *Buffer[M]) Newest(seq uint16) bool {
	if !b.begun || b.probing && seq == b.probe {
		return true
	}
	ahead := distance(seq, b.newest)
	return 0 < ahead && distance(seq, b.next) <= maxDropout
}

// Push takes in a packet. Its payload is copied if it has to wait.
func (b *Buffer[M]) Push(p *Packet[M], arrival time.Time) Verdict {
	b.Tick(arrival)
	if !b.begun {
		b.begun, b.next, b.newest = true, p.Seq, p.Seq
	}
	ahead := distance(p.Seq, b.next)
	confirmed := b.probing && p.Seq == b.probe
	b.probing = false
	switch {
	case ahead > maxDropout || ahead < -maxMisorder:
		if !confirmed {
			b.probing, b.probe = true, p.Seq+1
			return Astray
		}
		b.Flush()
		b.Reset()
		b.lost(0)
		b.begun, b.next, b.newest = true, p.Seq, p.Seq
	case ahead < 0:
		if b.was(p.Seq) {
			return Duplicate
		}
		return Late
	case ahead >= len(b.slots):
		b.Flush()
		b.giveUp(p.Seq)
	case ahead > 0:
		return b.hold(p, arrival)
	}
	b.pass(p)
	b.drain()
	return Passed
}

// Tick gives up the holes behind which a packet has waited for the delay.
func (b *Buffer[M]) Tick(now time.Time) {
	for b.held > 0 && now.Sub(b.oldest) >= b.delay {
		b.skip()
	}
}

// Flush delivers all that is held.
func (b *Buffer[M]) Flush() {
	for b.held > 0 {
		b.skip()
	}
}

// Reset drops all that is held and forgets the stream: the next packet begins
// another one. It returns how many packets were dropped.
func (b *Buffer[M]) Reset() (dropped int) {
	dropped = b.held
	for i := range b.slots {
		if b.slots[i].full {
			b.release(&b.slots[i])
		}
	}
	b.begun, b.probing, b.held = false, false, 0
	clear(b.seen[:])
	return dropped
}

// Held returns how many packets wait.
func (b *Buffer[M]) Held() int { return b.held }

func (b *Buffer[M]) slot(seq uint16) *slot[M] { return &b.slots[int(seq)&(len(b.slots)-1)] }

// hold keeps a packet that came before its turn.
func (b *Buffer[M]) hold(p *Packet[M], arrival time.Time) Verdict {
	s := b.slot(p.Seq)
	if s.full {
		return Duplicate
	}
	b.advance(p.Seq)
	payload := []byte(nil)
	if n := len(b.free); n > 0 {
		payload, b.free = b.free[n-1], b.free[:n-1]
	}
	*s = slot[M]{true, arrival, Packet[M]{p.Seq, append(payload[:0], p.Payload...), p.Meta}}
	if b.held == 0 || arrival.Before(b.oldest) {
		b.oldest = arrival
	}
	b.held++
	return Held
}

// pass delivers the packet whose turn it is.
func (b *Buffer[M]) pass(p *Packet[M]) {
	b.advance(p.Seq)
	b.mark(p.Seq, true)
	b.next = p.Seq + 1
	b.deliver(p)
}

// drain delivers what is held without a hole before it.
func (b *Buffer[M]) drain() {
	drained := false
	for b.held > 0 {
		s := b.slot(b.next)
		if !s.full {
			break
		}
		drained = true
		b.pass(&s.packet)
		b.release(s)
		b.held--
	}
	if drained {
		b.age()
	}
}

// skip gives up the hole before the first packet that is held.
func (b *Buffer[M]) skip() {
	to := b.next
	for !b.slot(to).full {
		to++
	}
	b.giveUp(to)
	b.drain()
}

// giveUp gives up all packets before to.
func (b *Buffer[M]) giveUp(to uint16) {
	n := int(to - b.next)
	for ; b.next != to; b.next++ {
		b.mark(b.next, false)
	}
	if n > 0 {
		b.lost(n)
	}
}

// age finds the packet that has waited longest.
func (b *Buffer[M]) age() {
	found := 0
	for i := 0; found < b.held; i++ {
		if s := &b.slots[i]; s.full {
			if found == 0 || s.arrival.Before(b.oldest) {
				b.oldest = s.arrival
			}
			found++
		}
	}
}

func (b *Buffer[M]) release(s *slot[M]) {
	b.free = append(b.free, s.packet.Payload)
	*s = slot[M]{}
}

// mark notes whether a packet was delivered, for as long as it may be called late.
func (b *Buffer[M]) mark(seq uint16, delivered bool) {
	word, bit := &b.seen[seq%maxMisorder/64], uint64(1)<<(seq%64)
	if delivered {
		*word |= bit
	} else {
		*word &^= bit
	}
}

func (b *Buffer[M]) was(seq uint16) bool {
	return b.seen[seq%maxMisorder/64]&(1<<(seq%64)) != 0
}

func (b *Buffer[M]) advance(seq uint16) {
	if distance(seq, b.newest) > 0 {
		b.newest = seq
	}
}

// distance returns how far a is after b, modulo 2^16.
func distance(a, b uint16) int { return int(int16(a - b)) } //nolint:gosec // modulo 2^16 is what is meant
