package codec

/*
#include "media.h"
*/
import "C"

import (
	"time"

	"github.com/valence-live/valence/ingest"
)

// soundLength is how long n samples last, to the nearest nanosecond.
func soundLength(n, rate int64) time.Duration {
	rate = max(rate, 1)
	return time.Duration((n*int64(time.Second) + rate/2) / rate)
}

// takeSound appends the frame to what is not yet a whole chunk.
func (d *Decoder) takeSound(at, length time.Duration) error {
	if !d.sounding {
		d.sounding, d.sampleAt = true, at
		d.timeline.next = at
	}
	d.timeline.next += length // counted, not stamped: containers round to milliseconds
	return d.resample(0)
}

// resample moves the last frame, or with flush the rest, through the resampler
// and gives out the chunks that are full.
func (d *Decoder) resample(flush C.int) error {
	n, bound := len(d.samples), int(C.valence_resample_bound(d.c))
	if need := n + bound; cap(d.samples) < need {
		grown := make([]float32, n, need)
		copy(grown, d.samples)
		d.samples = grown
	}
	free := d.samples[n : n+bound]
	rc := C.valence_resample(d.c, (*C.float)(&free[0]), C.int(bound), ingest.AudioRate, flush)
	if rc < 0 {
		return d.failure(rc, "resample")
	}
	d.samples = d.samples[:n+int(rc)]
	rest := d.samples
	for len(rest) >= ChunkSamples {
		d.giveSound(rest[:ChunkSamples])
		rest = rest[ChunkSamples:]
	}
	d.samples = d.samples[:copy(d.samples, rest)]
	return nil
}

func (d *Decoder) giveSound(samples []float32) {
	pcm := make(ingest.PCM, len(samples))
	copy(pcm, samples)
	d.ready = append(d.ready, Unit{d.start.Add(d.sampleAt), pcm})
	d.sampleAt += pcm.Duration()
}

// flush gives out what is left of the sound before a hole or the end.
func (d *Decoder) flush() {
	if !d.sounding {
		return
	}
	d.sounding = false
	// What the resampler holds back is a filter's length; without it, no harm.
	_ = d.resample(1)
	if len(d.samples) > 0 {
		d.giveSound(d.samples)
	}
	d.samples = d.samples[:0]
}
