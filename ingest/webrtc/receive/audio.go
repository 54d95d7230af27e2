package receive

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// ErrCodec says that a track has a codec that is not received.
var ErrCodec = errors.New("codec is not received")

const (
	// audioSlots is how many packets of sound may wait: more than a second of them.
	audioSlots = 64
	// maxHole is the longest hole that is taken for one; longer ones, and steps
	// backwards, are a new beginning.
	maxHole = 10 * time.Second
	// leastHole is what sound may be apart by rounding.
	leastHole = 2500 * time.Microsecond
	// dtxPacket is the size up to which a packet has no sound in it but says that
	// none is sent (RFC 6716, 2.1.9, 3.2.1).
	dtxPacket = 2
	// credit is the share of sound that may be made up on the whole: 1 of 3 that
	// came, so a quarter of what goes out.
	credit = 3
)

// Audio makes PCM of the packets of one stream of Opus.
type Audio struct {
	stream
	opus *codec.Opus
	rate int64 // RTP ticks a second

	sounding bool   // the next packet is expected at next
	next     uint32 // RTP time
	missing  int    // packets that were lost before the next
	resting  bool   // the last packet had no sound: DTX
	budget   time.Duration
	faint    faint
}

// NewAudio adds a track of sound, which must be Opus: mime is "audio/opus" in any
// case. The error wraps ErrCodec for another. emit gets the Samples (PCM, Gap,
// End) in order of time, in the goroutine that calls.
func (p *Peer) NewAudio(track *ingest.Track, mime string, clockRate uint32, emit func(ingest.Sample)) (*Audio, error) {
	if !strings.EqualFold(mime, "audio/opus") || clockRate == 0 {
		return nil, fmt.Errorf("%w: %s at %d Hz: offer audio/opus", ErrCodec, mime, clockRate)
	}
	opus, err := codec.NewOpus()
	if err != nil {
		return nil, err
	}
	a := &Audio{opus: opus, rate: int64(clockRate), budget: p.cfg.Conceal}
	a.init(p, track, clockRate, p.cfg.AudioDelay, audioSlots, emit, a)
	return a, nil
}

// Close frees the decoder. It may be called again.
func (a *Audio) Close() error {
	a.ended = true
	a.peer.clock.Remove(a.clock)
	return a.opus.Close()
}

func (a *Audio) lost(n int) { a.missing += n }

func (a *Audio) restart() { a.sounding, a.missing, a.resting = false, 0, false }

func (a *Audio) finish() { a.drop(ReasonLost, a.missing) }

func (a *Audio) packet(p *packet) {
	if len(p.Payload) == 0 {
		return // padding
	}
	d, err := codec.OpusDuration(p.Payload)
	if err != nil {
		a.drop(ReasonMalformed, 1)
		return
	}
	at := p.Meta.at.Add(-codec.OpusDelay)
	if hole := a.time(p.Meta.stamp - a.next); a.sounding && hole >= leastHole && hole <= maxHole {
		a.fill(at, hole, p)
	} else {
		a.drop(ReasonLost, a.missing)
	}
	a.missing = 0
	sound, err := a.opus.Decode(make(ingest.PCM, 0, samples(d)), p.Payload)
	if err != nil {
		a.drop(ReasonMalformed, 1)
		return
	}
	a.resting = len(p.Payload) <= dtxPacket
	a.budget = min(a.budget+d/credit, a.peer.cfg.Conceal)
	a.sounding, a.next = true, p.Meta.stamp+a.ticks(d)
	a.send(at, p.Meta.clock, sound, d)
}

// time converts a difference of RTP times.
func (a *Audio) time(ticks uint32) time.Duration {
	return time.Duration(int64(int32(ticks)) * int64(time.Second) / a.rate) //nolint:gosec // modulo 2^32 is what is meant
}

func (a *Audio) ticks(d time.Duration) uint32 {
	return uint32(int64(d) * a.rate / int64(time.Second)) //nolint:gosec // a packet lasts 120 ms at most
}

func samples(d time.Duration) int { return int(d * ingest.AudioRate / time.Second) }
