package audio

import (
	"math"

	"github.com/valence-live/valence/ingest"
)

const (
	frameSamples = ingest.AudioRate * 25 / 1000
	frameHop     = ingest.AudioRate * 10 / 1000
	fftSize      = 512
	numBins      = fftSize/2 + 1
	binWidth     = float64(ingest.AudioRate) / fftSize // in hertz

	numMel  = 40
	melLow  = 50.0 // hertz: below is hum
	melHigh = 8000.0
)

// spectrum makes power spectra of 25 ms Hann frames. It owns its buffers.
type spectrum struct {
	fft    *fft
	window [frameSamples]float32
	in     [fftSize]float32
	out    [numBins]complex64
}

func newSpectrum() *spectrum {
	s := &spectrum{fft: newFFT(fftSize)}
	hann(s.window[:])
	squares := 0.0
	for _, w := range s.window {
		squares += float64(w) * float64(w)
	}
	for i := range s.window {
		s.window[i] *= float32(math.Sqrt(2 / squares / fftSize))
	}
	return s
}

// power writes the power of each of numBins bins of a frame of frameSamples.
// Their sum is the mean square of the frame, as the window weighs it.
func (s *spectrum) power(frame []float32, power *[numBins]float32) {
	mean := float32(0)
	for _, v := range frame {
		mean += v
	}
	mean /= frameSamples
	for i, v := range frame {
		s.in[i] = (v - mean) * s.window[i]
	}
	s.fft.transform(s.in[:], s.out[:])
	for i, c := range s.out {
		power[i] = real(c)*real(c) + imag(c)*imag(c)
	}
}

// hann fills w with the periodic Hann window.
func hann(w []float32) {
	for i := range w {
		w[i] = float32(0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(w))))
	}
}

// band is a triangle over neighbouring bins; its weights sum to 1.
type band struct {
	first   int
	weights []float32
}

// melBands are numMel triangles of equal width on the mel scale (HTK's
// formula), each reaching to its neighbours' centres.
func melBands() [numMel]band {
	toMel := func(hz float64) float64 { return 2595 * math.Log10(1+hz/700) }
	toHz := func(mel float64) float64 { return 700 * (math.Pow(10, mel/2595) - 1) }
	width := (toMel(melHigh) - toMel(melLow)) / (numMel + 1)
	edge := func(i int) float64 { return toHz(toMel(melLow)+width*float64(i)) / binWidth }

	var bands [numMel]band
	for m := range bands {
		low, centre, high := edge(m), edge(m+1), edge(m+2)
		b := band{first: int(math.Ceil(low))}
		sum := 0.0
		for bin := b.first; bin < numBins && float64(bin) < high; bin++ {
			w := min((float64(bin)-low)/(centre-low), (high-float64(bin))/(high-centre))
			b.weights = append(b.weights, float32(w))
			sum += w
		}
		for i := range b.weights {
			b.weights[i] /= float32(sum)
		}
		bands[m] = b
	}
	return bands
}

// energy is the mean power in the band.
func (b band) energy(power *[numBins]float32) float64 {
	e := float32(0)
	for i, p := range power[b.first : b.first+len(b.weights)] {
		e += b.weights[i] * p
	}
	return float64(e)
}

// shape describes the form of a power spectrum, free of its level.
type shape struct {
	centroid   float64 // log2 of the centre of gravity in hertz
	rolloff    float64 // log2 of the frequency below which 85 % of the power lie
	flatness   float64 // ln of geometric over arithmetic mean: 0 is white
	alpha      float64 // dB, 50-1000 Hz over 1-5 kHz (eGeMAPS: alpha ratio)
	hammarberg float64 // dB, the peak of 0-2 kHz over that of 2-5 kHz
}

// shapeOf returns the shape of a spectrum that is not all zero.
func shapeOf(power *[numBins]float32) shape {
	const (
		tiny  = 1e-9 // of the mean: what rounding leaves in an empty bin
		k1    = int(1000 / binWidth)
		k2    = int(2000 / binWidth)
		k5    = int(5000 / binWidth)
		share = 0.85
	)
	var total, moment, logs float64
	for i, p := range power[1:] {
		total += float64(p)
		moment += float64(p) * float64(i+1)
	}
	mean := total / (numBins - 1)
	for _, p := range power[1:] {
		logs += math.Log(float64(p)/mean + tiny)
	}
	below, roll := 0.0, 1
	for roll < numBins-1 {
		if below += float64(power[roll]); below >= share*total {
			break
		}
		roll++
	}
	var low, high, lowPeak, highPeak float64
	for i := 2; i <= k5; i++ {
		p := float64(power[i])
		if i <= k1 {
			low += p
		} else {
			high += p
		}
		if i <= k2 {
			lowPeak = max(lowPeak, p)
		} else {
			highPeak = max(highPeak, p)
		}
	}
	return shape{
		centroid:   math.Log2(moment / total * binWidth),
		rolloff:    math.Log2(float64(roll) * binWidth),
		flatness:   logs / (numBins - 1),
		alpha:      decibel((low + tiny*mean) / (high + tiny*mean)),
		hammarberg: decibel((lowPeak + tiny*mean) / (highPeak + tiny*mean)),
	}
}

// flux is the distance between the amplitude spectra of two frames, each scaled
// to length 1: from 0 (the same) to sqrt 2 (nothing in common).
func flux(a, b *[numBins]float32) float64 {
	var aa, bb, ab float32
	for i, p := range a {
		aa += p
		bb += b[i]
		ab += float32(math.Sqrt(float64(p * b[i])))
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return math.Sqrt(max(0, 2-2*float64(ab)/math.Sqrt(float64(aa)*float64(bb))))
}

func decibel(ratio float64) float64 { return 10 * math.Log10(ratio) }
