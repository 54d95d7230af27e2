package kafka

import (
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/valence-live/valence/sink/outbox"
)

// again writes scores once more that may have been overtaken: a request that
// had no answer may be written after those that came later (see the package).
//
// A key whose request failed is in doubt. Once a later request has put a score
// there, that score is written again when the brokers have been well for some
// time. Newer scores take its place meanwhile. Its methods may be called from
// any goroutine.
type again struct {
	settle time.Duration
	repeat func([]message) []error

	// sending is held for reading while messages are sent, and for writing while
	// they are sent again, so that none of the former comes between.
	sending sync.RWMutex

	mu     sync.Mutex
	doubt  map[string]*message // nil until a score is there
	timer  *time.Timer
	closed bool
	busy   sync.WaitGroup
}

// begin makes it ready. Scores are written again after two timeouts: by then
// every request without an answer is off its connection.
func (a *again) begin(cfg Config, repeat func([]message) []error) {
	a.settle, a.repeat, a.doubt = 2*cfg.Timeout, repeat, map[string]*message{}
}

// mostDoubt bounds the keys that are remembered.
const mostDoubt = 10_000

// sent is told of each score that was sent.
func (a *again) sent(m message, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := string(m.key)
	known, inDoubt := a.doubt[key]
	switch {
	case errors.Is(err, outbox.ErrRefused):
	case err != nil && !inDoubt:
		if len(a.doubt) >= mostDoubt {
			maps.DeleteFunc(a.doubt, func(_ string, m *message) bool { return m == nil })
		}
		a.doubt[key] = nil
	case err == nil && inDoubt:
		a.doubt[key] = &m
		if known == nil {
			a.arm()
		}
	}
}

// arm has what is in doubt written again later. The caller holds the lock.
func (a *again) arm() {
	if a.timer != nil || a.closed {
		return
	}
	a.busy.Add(1)
	a.timer = time.AfterFunc(a.settle, func() {
		defer a.busy.Done()
		a.flush()
	})
}

// flush writes again what is there, and tries later where that fails.
func (a *again) flush() {
	a.sending.Lock()
	defer a.sending.Unlock()
	a.mu.Lock()
	var messages []message
	for key, m := range a.doubt {
		if m != nil {
			messages = append(messages, *m)
			delete(a.doubt, key)
		}
	}
	a.timer = nil
	a.mu.Unlock()
	if len(messages) == 0 {
		return
	}
	errs := a.repeat(messages)
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, err := range errs {
		if err != nil {
			a.doubt[string(messages[i].key)] = &messages[i]
			a.arm()
		}
	}
}

// close writes again at once what is in doubt.
func (a *again) close() {
	a.mu.Lock()
	a.closed = true
	if a.timer != nil && a.timer.Stop() {
		a.busy.Done()
	}
	a.mu.Unlock()
	a.busy.Wait()
	a.flush()
}
