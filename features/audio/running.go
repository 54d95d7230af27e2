package audio

import (
	"math"
	"time"
)

const (
	// The running statistics cover the last numBuckets x bucketTime, the newest
	// bucket being filled: 25 to 30 s of event time.
	numBuckets = 6
	bucketTime = 5 * time.Second
	// priorSteps is how many speech steps the priors weigh: 5 s.
	priorSteps = 50
)

// running is the normalisation of one track: sums over its speech steps by
// event time, in few buckets so that the state stays small enough to be handed
// over to another process.
type running struct {
	buckets [numBuckets]bucket
	known   bucket // the sum of those in reach, as recall left it
}

// bucket holds the sums of the steps that begin within one bucketTime.
type bucket struct {
	number       int64 // of the bucketTime since 1970
	steps        float64
	pitched      float64 // steps that have a pitch
	sum, squares [Dim]float64
	levels       float64 // of the absolute level, dB
}

// normalise writes how many deviations each number lies from the track's mean,
// both as recalled before the step, then adds the step. It replaces the absolute
// level in m by the one relative to the track.
func (r *running) normalise(m *measures, at time.Time, values []float32) {
	absolute := m.values[level]
	known := &r.known
	m.values[level] = absolute - (known.levels+absolute)/(known.steps+1)

	for i, x := range m.values {
		n := known.steps
		if i >= logPitch {
			if !m.pitched {
				values[i] = 0 // neither known nor to be learnt from
				continue
			}
			n = known.pitched
		}
		prior := priors[i]
		mean := (priorSteps*prior.mean + known.sum[i]) / (priorSteps + n)
		spread := priorSteps * prior.sd * prior.sd
		if n > 0 {
			spread += max(0, known.squares[i]-known.sum[i]*known.sum[i]/n)
		}
		values[i] = float32((x - mean) / math.Sqrt(spread/(priorSteps+n)))
	}
	r.add(m, bucketNumber(at), absolute)
}

// recall sums up what is known of the track when a step begins. It returns the
// mean level of its speech, in dB, and whether there was any.
func (r *running) recall(at time.Time) (level float64, ok bool) {
	number := bucketNumber(at)
	t := &r.known
	*t = bucket{}
	for i := range r.buckets {
		b := &r.buckets[i]
		if b.steps == 0 || b.number <= number-numBuckets || b.number > number {
			continue
		}
		t.steps += b.steps
		t.pitched += b.pitched
		t.levels += b.levels
		for i := range t.sum {
			t.sum[i] += b.sum[i]
			t.squares[i] += b.squares[i]
		}
	}
	return t.levels / max(t.steps, 1), t.steps > 0
}

func (r *running) add(m *measures, number int64, absolute float64) {
	b := &r.buckets[number-floorDiv(number, numBuckets)*numBuckets]
	if b.number != number {
		*b = bucket{number: number}
	}
	b.steps++
	b.levels += absolute
	n := logPitch
	if m.pitched {
		b.pitched++
		n = Dim
	}
	for i, x := range m.values[:n] {
		b.sum[i] += x
		b.squares[i] += x * x
	}
}

func bucketNumber(at time.Time) int64 { return floorDiv(at.UnixNano(), int64(bucketTime)) }

// floorDiv rounds down for times before 1970 as well.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
