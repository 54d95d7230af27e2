package receive

import (
	"time"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/codec"
)

// fill hands out what stands for a hole of the given length before the packet
// next, whose sound begins at the given time.
//
// A sender in DTX leaves holes on purpose, without a hole in the sequence
// numbers: they are silence, and filled with comfort noise. Lost sound is made up
// from the copy that the next packet may have (FEC), or guessed, up to the bound
// for one hole and as far as the budget goes; what is not made up is lost.
func (a *Audio) fill(at time.Time, hole time.Duration, next *packet) {
	begin, clock := at.Add(-hole), next.Meta.clock
	if a.missing == 0 || a.resting && len(next.Payload) <= dtxPacket {
		a.drop(ReasonConcealed, a.missing)
		a.rest(begin, hole, clock)
		return
	}
	whole := hole <= a.budget
	d := min(hole, a.budget)
	if !whole {
		d = d.Truncate(leastHole)
	}
	sound := make(ingest.PCM, 0, samples(d))
	var err error
	switch {
	case d == 0:
	case whole:
		sound, err = a.opus.Recover(sound, next.Payload, d)
	default:
		sound, err = a.opus.Conceal(sound, d)
	}
	if err != nil {
		sound, d, whole = nil, 0, false
	}
	a.budget -= d
	made := int(int64(a.missing) * int64(d) / int64(hole))
	a.drop(ReasonConcealed, made)
	a.drop(ReasonLost, a.missing-made)
	if len(sound) > 0 {
		a.send(begin, clock, sound, d)
	}
	if !whole {
		a.gap(begin.Add(d), at, clock, ingest.ReasonLost)
	}
}

// rest hands out a pause that the sender made. One that is longer than DTX ever
// makes (Chrome sends a packet every 400 ms) is that of a track that was stopped.
func (a *Audio) rest(begin time.Time, d time.Duration, clock ingest.Clock) {
	if d > codec.MaxConceal {
		a.gap(begin, begin.Add(d), clock, ingest.ReasonMuted)
		return
	}
	sound, err := a.opus.Conceal(make(ingest.PCM, 0, samples(d)), d)
	if err != nil {
		a.gap(begin, begin.Add(d), clock, ingest.ReasonMuted)
		return
	}
	a.faint.add(sound)
	a.send(begin, clock, sound, d)
}

func (a *Audio) gap(begin, end time.Time, clock ingest.Clock, reason ingest.Reason) {
	begin = later(begin, a.given)
	if end.After(begin) {
		a.send(begin, clock, ingest.Gap{End: end, Reason: reason}, end.Sub(begin))
	}
}

// faint is a noise of three steps of 16 bits, -86 dB of full scale: too faint for
// speech, but no digital silence, which would look like a microphone that was
// muted on purpose.
type faint struct{ state uint32 }

func (f *faint) add(sound ingest.PCM) {
	for i := range sound {
		f.state = f.state*1664525 + 1013904223
		sound[i] += (float32(f.state>>8)/(1<<23) - 1) * 3 / (1 << 15)
	}
}
