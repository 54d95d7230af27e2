// Package audio turns the sound of one person into one vector of 136 numbers
// every 100 ms: 40 log-mel bands (mean, deviation and change within the step)
// and 16 measures of prosody and voice quality.
//
// Three things make the numbers comparable between people and recordings, which
// matters more than the classifier behind them: they are free of the absolute
// level; each is normalised by what the same track did in the last 30 s (never
// by what comes later, so that a recording and a live call give the same
// numbers), shrunk to the priors of the training corpora as long as little was
// heard; and steps without speech say so instead of giving numbers.
package audio

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

const (
	// Step is the time between two vectors.
	Step = 100 * time.Millisecond

	stepSamples = ingest.AudioRate / 10
	lookback    = pitchSamples - pitchHop // before a step, for its first frames
	maxLen      = 128

	// jump is how far a sample's time may lie from the end of the one before
	// and still continue it: containers round, and RTP clocks are slewed.
	jump = 40 * time.Millisecond
	// follow is how far a sample's time may lie from where the track has come
	// before steps are stretched to follow it. Containers stay below it; the clock
	// of a live track is brought into line in its first seconds, and drifts.
	follow = 5 * time.Millisecond
	// maxStretch is how many samples more or fewer a step then has.
	maxStretch = stepSamples / 20

	// leastSamples of a step must be there when the track begins or breaks off,
	// for the step to count.
	leastSamples = stepSamples / 2

	// silent is the largest value of digital silence: one bit of 16.
	silent = 1.0 / (1 << 15)
	// mutedSteps of digital silence are a track muted on purpose.
	mutedSteps = 10
)

// ErrPayload says that a Sample holds something that an audio track cannot.
var ErrPayload = errors.New("payload does not belong to an audio track")

// Spec describes the vectors for the feature contract.
func Spec(nets ...string) features.Spec {
	return features.Spec{
		Extractor: "logmel40-prosody16-running30s/1",
		Dim:       Dim,
		Step:      Step,
		MaxLen:    maxLen,
		Nets:      nets,
	}
}

// Extractor implements features.Extractor for an audio track. The vectors do
// not depend on how the sound was cut into Samples. A Vector holds the Receipt
// of the first Sample of its step.
type Extractor struct {
	buf     [lookback + stepSamples + maxStretch]float32
	filled  int           // samples of the step in progress
	whole   int           // samples that it will have: fewer at the beginning of a grid
	length  time.Duration // of the step in progress
	off     time.Duration // how far the newest sample's time lay beyond next
	skip    int           // samples to leave out before it
	start   time.Time     // of the step in progress; time before it was given out
	begun   bool          // a grid, which goes on as long as the sound does
	clock   ingest.Clock
	receipt *ingest.Receipt // of the sample with which the step began

	analysis *analysis
	detector detector
	running  running
	quiet    int // steps of digital silence in a row
}

// New returns an Extractor for one track.
func New() *Extractor {
	return &Extractor{analysis: newAnalysis()}
}

// Extract takes PCM, Gap, Progress and End.
func (x *Extractor) Extract(s ingest.Sample, emit func(features.Unit)) error {
	switch p := s.Payload.(type) {
	case ingest.PCM:
		x.sound(s, p, emit)
	case ingest.Gap:
		x.flush(emit)
		x.passed(p.End)
		emit(features.Mark{Modality: ingest.Audio, Time: p.End, Reason: p.Reason})
	case ingest.Progress:
		x.progress(s.Time, emit)
	case ingest.End:
		x.flush(emit)
		emit(features.Mark{Modality: ingest.Audio, Time: s.Time, Reason: p.Reason, End: true})
	default:
		return fmt.Errorf("%w: %T at %s", ErrPayload, s.Payload, s.Time.Format(time.RFC3339Nano))
	}
	return nil
}

// next is the capture time of the sample that would continue the track.
func (x *Extractor) next() time.Time {
	if x.filled == 0 {
		return x.start
	}
	return x.start.Add(x.length * time.Duration(x.filled) / time.Duration(x.whole))
}

// passed says that nothing before t will follow.
func (x *Extractor) passed(t time.Time) {
	if t.After(x.start) {
		x.start = t
	}
}

// sound appends p, after bringing it in line with the time that was given out:
// that never runs backwards, and what overlaps it is left out.
func (x *Extractor) sound(s ingest.Sample, p ingest.PCM, emit func(features.Unit)) {
	if ahead := s.Time.Sub(x.next()); x.begun && ahead > jump {
		x.flush(emit)
		if ahead > Step {
			emit(features.Mark{Modality: ingest.Audio, Time: s.Time, Reason: ingest.ReasonLost})
		}
	}
	if heard := x.next().Sub(s.Time); heard > jump {
		heard = min(heard, p.Duration())
		cut := min(int((heard*ingest.AudioRate+time.Second-1)/time.Second), len(p))
		s.Time = s.Time.Add(p[:cut].Duration())
		p = p[cut:]
	}
	if !x.begun {
		x.begin(s.Time)
	}
	x.off = s.Time.Sub(x.next())
	s.Clock.ErrorBound += x.off.Abs()
	if n := min(x.skip, len(p)); n > 0 {
		x.skip, x.start = x.skip-n, x.start.Add(p[:n].Duration())
		p = p[n:]
	}
	for len(p) > 0 {
		if x.filled == 0 {
			x.clock, x.receipt = s.Clock, s.Receipt
			x.receipt.Retain()
		}
		x.clock = x.clock.Worse(s.Clock)
		n := min(len(p), x.whole-x.filled)
		for i, v := range p[:n] {
			if !(math.Abs(float64(v)) < 1e3) { // also NaN
				v = 0
			}
			x.buf[lookback+x.filled+i] = v
		}
		x.filled += n
		p = p[n:]
		if x.filled == x.whole {
			x.finish(emit)
			copy(x.buf[:lookback], x.buf[x.whole:x.whole+lookback])
			x.stretch()
		}
	}
}

// begin starts a grid at t: the first step ends at a multiple of Step since the
// zero time, which is one since the Unix epoch too, so that the end of a window
// is the end of a step and nobody waits for the rest of one. What is too short
// for a step is skipped.
func (x *Extractor) begin(t time.Time) {
	x.begun = true
	x.passed(t)
	into := x.start.Sub(x.start.Truncate(Step))
	x.whole, x.skip = int(((Step-into)*ingest.AudioRate+time.Second-1)/time.Second), 0
	if x.whole < leastSamples {
		x.whole, x.skip = stepSamples, x.whole
	}
	x.length = ingest.PCM(x.buf[:x.whole]).Duration()
}

// stretch decides how many samples the next step has. Its length stays, so that
// steps go on ending with the tenths of a second; where the time of the samples
// has run away from the count of them, it takes in some more or fewer, until
// the two agree again.
func (x *Extractor) stretch() {
	x.whole, x.length = stepSamples, Step
	if x.off.Abs() > follow {
		off := int(x.off * ingest.AudioRate / time.Second)
		x.whole -= min(max(off, -maxStretch), maxStretch)
	}
}

// progress says how far the track is known without cutting a step short.
func (x *Extractor) progress(t time.Time, emit func(features.Unit)) {
	if t.Sub(x.next()) > jump {
		x.flush(emit)
		x.passed(t)
	}
	if x.filled > 0 && x.start.Before(t) {
		t = x.start
	}
	emit(features.Mark{Modality: ingest.Audio, Time: t})
}

// flush ends the track's grid: what follows starts a new one.
func (x *Extractor) flush(emit func(features.Unit)) {
	if x.filled >= leastSamples {
		x.finish(emit)
	} else if x.filled > 0 {
		x.receipt.Release()
	}
	x.start = x.next()
	x.filled, x.skip, x.begun, x.receipt = 0, 0, false, nil
	clear(x.buf[:])
}

// finish emits the step in progress and begins the next.
func (x *Extractor) finish(emit func(features.Unit)) {
	v := features.Vector{
		Modality: ingest.Audio,
		Start:    x.start,
		End:      x.next(),
		Clock:    x.clock,
		Receipt:  x.receipt,
	}
	v.Values, v.Reason = x.step(x.buf[:lookback+x.filled])
	x.start, x.filled, x.receipt = v.End, 0, nil
	emit(v)
}

// step analyses the sound of one step behind its lookback.
func (x *Extractor) step(pcm []float32) ([]float32, ingest.Reason) {
	x.quiet++
	for _, v := range pcm[lookback:] {
		if v > silent || v < -silent {
			x.quiet = 0
			break
		}
	}
	x.analysis.voice(pcm)
	quietest := faintest
	if mean, ok := x.running.recall(x.start); ok {
		quietest = max(mean-underLevel, faintest)
	}
	switch {
	case x.detector.speech(x.analysis.hops, quietest):
		values := make([]float32, Dim)
		x.running.normalise(x.analysis.measure(pcm), x.start, values)
		return values, ""
	case x.quiet >= mutedSteps:
		return nil, ingest.ReasonMuted
	default:
		return nil, ingest.ReasonNoSpeech
	}
}
