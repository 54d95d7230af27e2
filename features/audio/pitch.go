package audio

import (
	"math"

	"github.com/valence-live/valence/ingest"
)

const (
	pitchSamples = ingest.AudioRate * 50 / 1000
	pitchHop     = ingest.AudioRate * 20 / 1000
	pitchFFT     = 1024
	// The autocorrelation is taken at half the rate: the voice's periodicity
	// lies far below 4 kHz.
	lagRate = ingest.AudioRate / 2
	lagFFT  = pitchFFT / 2

	minPitch, maxPitch = 60.0, 444.0 // hertz
	minLag             = lagRate * 10 / 4440
	maxLag             = lagRate/60 + 1

	// octaveCost makes the shorter of two equally good periods win, per octave
	// (Boersma 1993): each multiple of a period fits as well as the period.
	octaveCost = 0.02

	// leastPower is the power below which there is nothing to analyse.
	leastPower = 1e-14
)

// hop is what is known of the voice in one 50 ms frame.
type hop struct {
	level   float64 // dB, of the mean power
	voicing float64 // height of the autocorrelation's peak, 0..1
	pitch   float64 // hertz; meaningful where voicing is high
}

// pitch finds the period of a voice as the peak of the autocorrelation of a
// windowed frame, divided by that of the window (Boersma 1993, "Accurate
// short-term analysis of the fundamental frequency"). It owns its buffers.
type pitch struct {
	forward, back *fft
	window        [pitchSamples]float32
	own           [maxLag + 2]float64 // autocorrelation of the window
	weight        [lagFFT/2 + 1]float32
	in            [pitchFFT]float32
	spectrum      [pitchFFT/2 + 1]complex64
	power         [lagFFT]float32 // of negative frequencies too
	lags          [lagFFT/2 + 1]complex64
}

func newPitch() *pitch {
	p := &pitch{forward: newFFT(pitchFFT), back: newFFT(lagFFT)}
	hann(p.window[:])
	for i := range p.weight {
		p.weight[i] = 1
	}
	copy(p.in[:], p.window[:])
	p.correlate()
	for i := range p.own {
		p.own[i] = float64(real(p.lags[i]) / real(p.lags[0]))
	}
	// From here on without rumble, and fading out between 1 and 2 kHz, where
	// noise prevails over the voice's harmonics.
	for i := range p.weight {
		hz := float64(i) * ingest.AudioRate / pitchFFT
		switch {
		case hz < minPitch/2, hz > 2000:
			p.weight[i] = 0
		case hz > 1000:
			p.weight[i] = float32(0.5 + 0.5*math.Cos(math.Pi*(hz-1000)/1000))
		}
	}
	return p
}

// correlate turns in into the autocorrelation of its weighted part: the
// transform of the power spectrum, which is even, so that the transform back is
// the transform. The window fades out, so that the wrap-around adds less than
// 1e-5 at the longest lag.
func (p *pitch) correlate() {
	p.forward.transform(p.in[:], p.spectrum[:])
	for i, w := range p.weight {
		c := p.spectrum[i]
		v := w * (real(c)*real(c) + imag(c)*imag(c))
		p.power[i] = v
		p.power[(lagFFT-i)%lagFFT] = v
	}
	p.back.transform(p.power[:], p.lags[:])
}

// analyse reads a frame of pitchSamples.
func (p *pitch) analyse(frame []float32) hop {
	mean := float32(0)
	for _, v := range frame {
		mean += v
	}
	mean /= pitchSamples
	squares := float32(0)
	for i, v := range frame {
		v -= mean
		squares += v * v
		p.in[i] = v * p.window[i]
	}
	power := float64(squares) / pitchSamples
	h := hop{level: decibel(max(power, leastPower))}
	if power <= leastPower {
		return h
	}
	p.correlate()
	if real(p.lags[0]) <= 0 {
		return h
	}
	best := math.Inf(-1)
	for lag := minLag; lag <= maxLag; lag++ {
		before, at, after := p.at(lag-1), p.at(lag), p.at(lag+1)
		if at < before || at < after || at <= 0 {
			continue
		}
		shift, height := summit(before, at, after)
		hz := lagRate / (float64(lag) + shift)
		score := height + octaveCost*math.Log2(hz/minPitch)
		if score > best && hz >= minPitch && hz <= maxPitch {
			best, h.pitch, h.voicing = score, hz, min(height, 1)
		}
	}
	return h
}

// at is the normalised autocorrelation at a lag.
func (p *pitch) at(lag int) float64 {
	return float64(real(p.lags[lag])/real(p.lags[0])) / p.own[lag]
}

// summit returns where the parabola through three equidistant points has its
// peak, relative to the middle one, and how high it is.
func summit(before, at, after float64) (shift, height float64) {
	curve := before - 2*at + after
	if curve >= 0 {
		return 0, at
	}
	shift = (before - after) / (2 * curve)
	return shift, at - (before-after)*shift/4
}
