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
	var shift uint16 // by how much noise has moved the sequence numbers
	return interceptor.RTPWriterFunc(func(header *rtp.Header, payload []byte, attributes interceptor.Attributes) (int, error) {
		noise := w.noise()
		for range noise {
			h := header.Clone()
			body := w.damaged(&h, payload)
			h.SequenceNumber += shift
			shift++ // SRTP sends no number twice
			if _, err := next.Write(&h, body, attributes); err != nil {
				return 0, err
			}
		}
		kept := header.Clone()
		kept.SequenceNumber += shift
		return w.carry(&kept, payload, attributes, next)
	})
}

// carry delivers a packet, or not.
func (w *wire) carry(header *rtp.Header, payload []byte, attributes interceptor.Attributes, next interceptor.RTPWriter) (int, error) {
	delay, lost := w.fate()
	if lost {
		return len(payload), nil
	}
	if delay <= 0 {
		return next.Write(header, payload, attributes)
	}
	body := append([]byte(nil), payload...)
	time.AfterFunc(delay, func() {
		defer w.late.Done()
		_, _ = next.Write(header, body, attributes) // the connection may be gone
	})
	return len(payload), nil
}

func (w *wire) noise() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.options.Noise
}

// damaged changes, cuts or extends a packet: the payload, the payload type, the
// marker and time, the header extensions. It returns the payload.
func (w *wire) damaged(header *rtp.Header, payload []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	noise := func(n int) []byte {
		out := make([]byte, n)
		for i := range out {
			out[i] = byte(w.random.Uint32()) //nolint:gosec // G115: any byte
		}
		return out
	}
	payload = append([]byte(nil), payload...)
	switch w.random.IntN(6) {
	case 0:
		payload = noise(w.random.IntN(1100))
	case 1:
		payload = payload[:w.random.IntN(len(payload)+1)]
	case 2:
		header.PayloadType = uint8(w.random.IntN(128)) //nolint:gosec // G115: 7 bits
	case 3:
		header.Marker = !header.Marker
		header.Timestamp += w.random.Uint32() >> w.random.IntN(32)
	case 4:
		_ = header.SetExtension(uint8(1+w.random.IntN(14)), noise(1+w.random.IntN(16))) //nolint:gosec // G115: 1 to 14
	default:
		for range 1 + w.random.IntN(8) {
			if len(payload) > 0 {
				payload[w.random.IntN(min(len(payload), 24))] ^= byte(1 << w.random.IntN(8))
			}
		}
	}
	return payload
}

// heal makes it a good network.
func (w *wire) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.options.Loss, w.options.Jitter, w.options.Reorder, w.options.Noise = 0, 0, 0, 0
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
