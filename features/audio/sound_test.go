package audio

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// sine returns n samples of a tone.
func sine(n int, hz, amplitude float64) ingest.PCM {
	p := make(ingest.PCM, n)
	for i := range p {
		p[i] = float32(amplitude * math.Sin(2*math.Pi*hz*float64(i)/ingest.AudioRate))
	}
	return p
}

// noise returns n samples of white noise with the given deviation.
func noise(r *rand.Rand, n int, sd float64) ingest.PCM {
	p := make(ingest.PCM, n)
	for i := range p {
		p[i] = float32(sd * r.NormFloat64())
	}
	return p
}

// voice returns something like speech: syllables of a buzz of harmonics with a
// wandering pitch around hz, and pauses of faint noise between them.
func voice(r *rand.Rand, n int, hz float64) ingest.PCM {
	p := noise(r, n, 1e-3)
	phase, pitch, loud := 0.0, hz, 0.0
	for i := range p {
		t := float64(i) / ingest.AudioRate
		if i%1600 == 0 {
			pitch = hz * math.Exp(0.2*math.Sin(1.7*t)+0.03*r.NormFloat64())
			loud = max(0, math.Sin(2*math.Pi*1.3*t)+0.6) * (0.05 + 0.05*r.Float64())
		}
		phase += 2 * math.Pi * pitch / ingest.AudioRate
		for k := 1.0; k <= 12; k++ {
			p[i] += float32(loud * math.Sin(k*phase) / k)
		}
	}
	return p
}

var epoch = time.Unix(1_700_000_000, 0).UTC()

// extract runs pcm through an Extractor in chunks of the given size.
func extract(tb testing.TB, x *Extractor, pcm ingest.PCM, chunk int) []features.Unit {
	tb.Helper()
	var units []features.Unit
	emit := func(u features.Unit) { units = append(units, u) }
	for i := 0; i < len(pcm); i += chunk {
		p := pcm[i:min(i+chunk, len(pcm))]
		require.NoError(tb, x.Extract(ingest.Sample{Time: epoch.Add(pcm[:i].Duration()), Payload: p}, emit))
	}
	require.NoError(tb, x.Extract(ingest.Sample{Time: epoch.Add(pcm.Duration()), Payload: ingest.End{}}, emit))
	return units
}

// vectors leaves the vectors of what was emitted.
func vectors(units []features.Unit) []features.Vector {
	var vs []features.Vector
	for _, u := range units {
		if v, ok := u.(features.Vector); ok {
			vs = append(vs, v)
		}
	}
	return vs
}
