package audio

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
)

// measured returns the numbers of the last whole step of pcm, not normalised.
func measured(pcm ingest.PCM) *measures {
	a := newAnalysis()
	last := pcm[len(pcm)-lookback-stepSamples:]
	a.voice(last)
	return a.measure(last)
}

func TestPitchOfAToneIsItsFrequency(t *testing.T) {
	for hz := 65.0; hz < 440; hz *= 1.07 {
		h := newPitch().analyse(sine(pitchSamples, hz, 0.1))
		assert.InEpsilon(t, hz, h.pitch, 0.005)
		assert.Greater(t, h.voicing, 0.95, "%.0f Hz", hz)
		assert.InDelta(t, decibel(0.005), h.level, 0.3)
	}
}

func TestPitchOfABuzzIsItsFundamental(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for hz := 70.0; hz < 400; hz *= 1.1 {
		buzz := noise(r, pitchSamples, 0.01)
		for k := 1.0; k*hz < 5000; k++ {
			for i, v := range sine(pitchSamples, k*hz, 0.1/k) {
				buzz[i] += v
			}
		}
		h := newPitch().analyse(buzz)
		assert.InEpsilon(t, hz, h.pitch, 0.02)
		assert.Greater(t, h.voicing, voiced)
	}
}

func TestNoiseHasNoPitch(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	p := newPitch()
	found := 0
	for range 200 {
		if p.analyse(noise(r, pitchSamples, 0.1)).voicing >= voiced {
			found++
		}
	}
	assert.Less(t, found, 10)
}

func TestAToneLightsItsOwnBandAndShapesTheSpectrum(t *testing.T) {
	bands := melBands()
	for hz := 150.0; hz < 7500; hz *= 1.3 {
		m := measured(sine(ingest.AudioRate, hz, 0.1))
		best := 0
		for i := range numMel {
			if m.values[melMean+i] > m.values[melMean+best] {
				best = i
			}
		}
		low := float64(bands[best].first-1) * binWidth
		high := float64(bands[best].first+len(bands[best].weights)) * binWidth
		assert.GreaterOrEqual(t, hz, low)
		assert.LessOrEqual(t, hz, high)
		assert.InDelta(t, math.Log2(hz), m.values[centroid], 0.1)
		assert.InDelta(t, math.Log2(hz), m.values[rolloff], 0.35)
		assert.InDelta(t, 2*hz/ingest.AudioRate, m.values[zeroCross], 0.01)
		assert.InDelta(t, decibel(0.005), m.values[level], 0.2)
		assert.Less(t, m.values[flatness], -10.0)
		assert.InDelta(t, 0, m.values[levelDelta], 0.5)
		if hz < 900 {
			assert.Greater(t, m.values[alphaRatio], 30.0)
			assert.Greater(t, m.values[hammarberg], 30.0)
		}
	}
}

func TestWhiteNoiseIsFlat(t *testing.T) {
	m := measured(noise(rand.New(rand.NewPCG(3, 1)), ingest.AudioRate, 0.1))
	assert.InDelta(t, 0, m.values[flatness], 0.15)
	assert.InDelta(t, math.Log2(4000), m.values[centroid], 0.1)
	assert.InDelta(t, math.Log2(0.85*8000), m.values[rolloff], 0.1)
	assert.InDelta(t, 0.5, m.values[zeroCross], 0.03)
	assert.InDelta(t, decibel(0.01), m.values[level], 0.5)
	for i := range numMel {
		assert.InDelta(t, 0, m.values[melMean+i], 1.2, "band %d", i)
	}
	tone := measured(sine(ingest.AudioRate, 440, 0.1))
	assert.Greater(t, m.values[fluxMean], 10*tone.values[fluxMean])
}

func TestMelodyFollowsThePitch(t *testing.T) {
	glide := make(ingest.PCM, ingest.AudioRate)
	phase := 0.0
	for i := range glide {
		hz := 150 * math.Exp2(float64(i)/ingest.AudioRate) // an octave a second
		phase += 2 * math.Pi * hz / ingest.AudioRate
		glide[i] = float32(0.1 * math.Sin(phase))
	}
	m, tone := measured(glide), measured(sine(ingest.AudioRate, 280, 0.1))
	require.True(t, m.pitched)
	assert.InEpsilon(t, math.Log(280), m.values[logPitch], 0.02)
	assert.InDelta(t, math.Ln2*0.02, m.values[jitter], 0.003)
	assert.Greater(t, m.values[logPitchSD], 5*tone.values[logPitchSD])
	assert.InDelta(t, 1, m.values[voicedShare], 1e-9)
	assert.False(t, measured(make(ingest.PCM, ingest.AudioRate)).pitched)
}

func TestEveryMelBandHasABin(t *testing.T) {
	for i, b := range melBands() {
		sum := float32(0)
		for _, w := range b.weights {
			sum += w
		}
		assert.InDelta(t, 1, sum, 1e-5, "band %d", i)
		assert.GreaterOrEqual(t, b.first, 1)
		assert.LessOrEqual(t, b.first+len(b.weights), numBins)
	}
}

func TestRunningStatisticsLearnTheTrackAndForgetIt(t *testing.T) {
	var r running
	m := &measures{pitched: true}
	values := make([]float32, Dim)
	step := func(i int, x float64) float32 {
		for n := range m.values {
			m.values[n] = priors[n].mean + x*priors[n].sd
		}
		at := epoch.Add(time.Duration(i) * Step)
		r.recall(at)
		r.normalise(m, at, values)
		return values[0]
	}
	assert.InDelta(t, 3, step(0, 3), 1e-5, "at first the priors count")
	for i := 1; i < 300; i++ {
		step(i, 3)
	}
	assert.InDelta(t, 3.0*priorSteps/(priorSteps+250)*math.Sqrt((priorSteps+250)/priorSteps), step(300, 3), 0.6, "then the track")
	assert.InDelta(t, 3, step(2000, 3), 1e-5, "and what is long ago does not")
}

func TestNumbersWithoutAPitchTeachNothing(t *testing.T) {
	var r running
	m, values := &measures{}, make([]float32, Dim)
	for i := range 20 {
		at := epoch.Add(time.Duration(i) * Step)
		r.recall(at)
		r.normalise(m, at, values)
		assert.Equal(t, make([]float32, Dim-logPitch), values[logPitch:])
	}
	assert.Zero(t, r.known.pitched)
}
