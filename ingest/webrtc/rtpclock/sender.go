package rtpclock

import (
	"slices"
	"time"

	"github.com/valence-live/valence/ingest"
)

// Sender is what the tracks of one sender share: the offset of its clock to
// ours. The zero value is ready to use.
type Sender struct {
	begun  bool
	zero   time.Time // the first arrival; arrivals count from it
	clocks [kinds]clock
	tracks []*Track
}

// kind is how sender times come to us. A forwarder (SFU) writes its own clock
// into the reports and leaves the capture clock as it is, so the two are not
// taken for the same clock.
type kind uint8

const (
	reports kind = iota
	captures
	kinds
)

var sources = [kinds]ingest.ClockSource{reports: ingest.ClockSenderReport, captures: ingest.ClockAbsCaptureTime}

// maxEpochs is how many settings of a sender's clock are remembered.
const maxEpochs = 8

// clock is one clock of the sender. Its times count from base; where it was set
// anew (stepped), less the step, so that they go on evenly.
type clock struct {
	envelope // of arrival - time

	known  bool
	base   uint64 // the first NTP time
	epochs []epoch
	ids    int
}

// epoch is one setting of a sender's clock.
type epoch struct {
	id    int
	shift int64 // the sum of the steps up to here
}

// read returns the time since base.
func (c *clock) read(ntp uint64) int64 {
	if !c.known {
		c.known, c.base = true, ntp
		c.epochs = append(c.epochs, epoch{})
	}
	return sinceNTP(c.base, ntp)
}

func (c *clock) epoch() epoch { return c.epochs[len(c.epochs)-1] }

// stepped returns the epoch with about the given shift, a new one if no track
// has seen it. Tracks learn of a step by their own reports, one after the
// other: by sharing the epoch they stay aligned exactly.
func (c *clock) stepped(shift int64) epoch {
	for i, e := range c.epochs {
		if abs(e.shift-shift) < smallStep {
			c.epochs = append(slices.Delete(c.epochs, i, i+1), e)
			return e
		}
	}
	if len(c.epochs) == maxEpochs {
		c.epochs = slices.Delete(c.epochs, 0, 1)
	}
	c.ids++
	e := epoch{c.ids, shift}
	c.epochs = append(c.epochs, e)
	return e
}

// NewTrack adds a track whose RTP clock has the given rate, in hertz; 0 counts
// as 90000.
func (s *Sender) NewTrack(rate uint32) *Track {
	if rate == 0 {
		rate = 90000
	}
	t := &Track{sender: s, rate: int64(rate)}
	s.tracks = append(s.tracks, t)
	return t
}

// Remove forgets a track that has ended.
func (s *Sender) Remove(t *Track) {
	s.tracks = slices.DeleteFunc(s.tracks, func(o *Track) bool { return o == t })
	s.choose()
}

// arrival returns a time on our clock as the time since the first arrival.
func (s *Sender) arrival(at time.Time) int64 {
	if !s.begun {
		s.begun, s.zero = true, at
	}
	return int64(at.Sub(s.zero))
}
