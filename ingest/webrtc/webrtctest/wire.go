package webrtctest

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// wire is the network: the last thing that an outgoing RTP packet passes. It
// implements interceptor.Factory for one connection.
type wire struct {
	interceptor.NoOp

	options Options
	mu      sync.Mutex
	random  *rand.Rand
	closed  bool
	late    sync.WaitGroup
}

func newWire(o Options) *wire {
	return &wire{options: o, random: rand.New(rand.NewPCG(o.Seed, 1))} //nolint:gosec // G404: the same again for the same seed
}

// NewInterceptor implements interceptor.Factory.
func (w *wire) NewInterceptor(string) (interceptor.Interceptor, error) { return w, nil }

// BindLocalStream implements interceptor.Interceptor.
func (w *wire) BindLocalStream(_ *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(header *rtp.Header, payload []byte, attributes interceptor.Attributes) (int, error) {
		delay, lost := w.fate()
		if lost {
			return len(payload), nil
		}
		if delay <= 0 {
			return next.Write(header, payload, attributes)
		}
		kept, body := header.Clone(), append([]byte(nil), payload...)
		time.AfterFunc(delay, func() {
			defer w.late.Done()
			_, _ = next.Write(&kept, body, attributes) // the connection may be gone
		})
		return len(payload), nil
	})
}

// fate says what happens to the next packet. With a delay one more is late.
func (w *wire) fate() (delay time.Duration, lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.options
	if o.Loss > 0 && w.random.Float64() < o.Loss {
		return 0, true
	}
	if o.Jitter > 0 {
		delay = time.Duration(w.random.Int64N(int64(o.Jitter)))
	}
	if o.Reorder > 0 && w.random.Float64() < o.Reorder {
		delay += o.ReorderBy
	}
	if delay > 0 {
		if w.closed {
			return 0, true
		}
		w.late.Add(1)
	}
	return delay, false
}

// wait returns when nothing is under way any more.
func (w *wire) wait() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.late.Wait()
}
