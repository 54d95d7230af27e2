package ingest

import "sync/atomic"

// Receipt acknowledges a Sample backwards through the program: its source may
// forget the Sample (commit its offset) once every holder has released it.
//
// A Receipt starts with one reference, held by whoever received the Sample.
// What is derived from the Sample (vectors, windows) retains it; publishing, or
// a counted drop, releases it. A nil *Receipt is valid and does nothing. The
// methods may be called from any goroutine.
type Receipt struct {
	refs atomic.Int64
	done func()
}

// NewReceipt returns a Receipt with one reference. done is called once, by the
// goroutine that releases last.
func NewReceipt(done func()) *Receipt {
	r := &Receipt{done: done}
	r.refs.Store(1)
	return r
}

// Retain adds a reference; the caller must hold one already.
func (r *Receipt) Retain() {
	if r != nil {
		r.refs.Add(1)
	}
}

// Release gives one reference back.
func (r *Receipt) Release() {
	if r != nil && r.refs.Add(-1) == 0 {
		r.done()
	}
}
