package audio

import "math"

// Dim is the length of a vector.
const Dim = 3*numMel + 16

// Where the numbers of a vector are. Levels are relative: each mel band to its
// frame's own mean power, the step's level to the track's.
const (
	melMean    = iota * numMel       // ln of the band's power, mean over the step
	melSD                            // its standard deviation over the step's frames
	melDelta                         // second half of the step minus the first
	level                            // dB
	levelSD    = iota - 3 + 3*numMel // dB, over the step's frames
	levelDelta                       // dB, second half minus first
	zeroCross                        // share of neighbouring samples with a change of sign
	centroid                         // see shape
	rolloff
	flatness
	fluxMean
	alphaRatio
	hammarberg
	voicing     // mean height of the autocorrelation's peak
	voicedShare // of the step's pitch frames
	// The rest needs two neighbouring voiced frames.
	logPitch   // ln hertz, mean over the voiced frames
	logPitchSD // its standard deviation
	jitter     // mean change of ln pitch from frame to frame
	shimmer    // mean change of level from frame to frame, dB
)

const (
	frames    = stepSamples / frameHop
	pitchHops = stepSamples / pitchHop
	// melFloor keeps the log of an empty band finite: 50 dB below the mean.
	melFloor = 1e-5
	// pitched is the voicing from which on a pitch is worth its name: below it
	// every fifth frame of RAVDESS jumps away from its neighbour, above every
	// twentieth.
	pitched = 0.65
)

// analysis measures one step of sound. What it holds is buffers: it remembers
// nothing from one step to the next.
type analysis struct {
	spectrum *spectrum
	pitch    *pitch
	bands    [numMel]band

	hopBuf [pitchHops]hop
	hops   []hop // of the step that voice has seen last
	powers [frames][numBins]float32
	mels   [frames][numMel]float64
	raw    measures
}

// measures are the numbers of a step before normalisation.
type measures struct {
	values [Dim]float64
	// pitched says that the numbers from logPitch on are there.
	pitched bool
}

func newAnalysis() *analysis {
	return &analysis{spectrum: newSpectrum(), pitch: newPitch(), bands: melBands()}
}

// voice fills hops with the pitch frames that end within the step. pcm is the
// lookback and then the step, of which the last part may be missing.
func (a *analysis) voice(pcm []float32) {
	a.hops = a.hopBuf[:0]
	for end := lookback + pitchHop; end <= len(pcm); end += pitchHop {
		a.hops = append(a.hops, a.pitch.analyse(pcm[end-pitchSamples:end]))
	}
}

// measure returns the numbers of the step that voice has seen last. The result
// is overwritten by the next call.
func (a *analysis) measure(pcm []float32) *measures {
	n := 0
	for end := lookback + frameHop; end <= len(pcm); end += frameHop {
		a.spectrum.power(pcm[end-frameSamples:end], &a.powers[n])
		n++
	}
	a.raw = measures{}
	a.colour(n)
	a.loudness(n)
	a.timbre(pcm[lookback:], n)
	a.melody()
	return &a.raw
}

// colour fills in the mel bands of n frames.
func (a *analysis) colour(n int) {
	for i := range n {
		mean := total(&a.powers[i]) / numBins
		for m, b := range a.bands {
			relative := 0.0
			if mean > 0 {
				relative = b.energy(&a.powers[i]) / mean
			}
			a.mels[i][m] = math.Log(relative + melFloor)
		}
	}
	for m := range numMel {
		mean, sd, delta := course(n, func(i int) float64 { return a.mels[i][m] })
		a.raw.values[melMean+m], a.raw.values[melSD+m], a.raw.values[melDelta+m] = mean, sd, delta
	}
}

// loudness fills in the levels of n frames; the step's is still absolute.
func (a *analysis) loudness(n int) {
	v := &a.raw.values
	energy := 0.0
	for i := range n {
		energy += total(&a.powers[i])
	}
	least := energy/float64(n)*melFloor + leastPower
	_, v[levelSD], v[levelDelta] = course(n, func(i int) float64 {
		return decibel(total(&a.powers[i]) + least)
	})
	v[level] = decibel(energy/float64(n) + leastPower)
}

// timbre fills in what follows from the waveform and the mean spectrum of n frames.
func (a *analysis) timbre(pcm []float32, n int) {
	v := &a.raw.values
	v[zeroCross] = crossings(pcm)
	for i := 1; i < n; i++ {
		v[fluxMean] += flux(&a.powers[i-1], &a.powers[i]) / float64(n-1)
	}
	mean := &a.powers[0]
	for i := 1; i < n; i++ {
		for bin, p := range a.powers[i] {
			mean[bin] += p
		}
	}
	if total(mean) == 0 {
		return
	}
	s := shapeOf(mean)
	v[centroid], v[rolloff], v[flatness], v[alphaRatio], v[hammarberg] = s.centroid, s.rolloff, s.flatness, s.alpha, s.hammarberg
}

// melody fills in what follows from the pitch frames.
func (a *analysis) melody() {
	v := &a.raw.values
	var count, pairs, sum, squares float64
	for i, h := range a.hops {
		v[voicing] += h.voicing / float64(len(a.hops))
		if h.voicing < pitched {
			continue
		}
		p := math.Log(h.pitch)
		count++
		sum += p
		squares += p * p
		if i > 0 && a.hops[i-1].voicing >= pitched {
			pairs++
			v[jitter] += math.Abs(p - math.Log(a.hops[i-1].pitch))
			v[shimmer] += math.Abs(h.level - a.hops[i-1].level)
		}
	}
	v[voicedShare] = count / float64(len(a.hops))
	if pairs == 0 {
		return
	}
	a.raw.pitched = true
	v[logPitch] = sum / count
	v[logPitchSD] = math.Sqrt(max(0, squares/count-v[logPitch]*v[logPitch]))
	v[jitter] /= pairs
	v[shimmer] /= pairs
}

// course returns the mean and the standard deviation of n values and how much
// the second half lies above the first.
func course(n int, at func(int) float64) (mean, sd, delta float64) {
	half := n / 2
	var first, second, squares float64
	for i := range n {
		x := at(i)
		squares += x * x
		if i < half {
			first += x
		} else {
			second += x
		}
	}
	mean = (first + second) / float64(n)
	sd = math.Sqrt(max(0, squares/float64(n)-mean*mean))
	return mean, sd, second/float64(n-half) - first/float64(half)
}

// crossings is the share of neighbouring samples between which the signal
// crosses its mean.
func crossings(pcm []float32) float64 {
	var mean float32
	for _, v := range pcm {
		mean += v
	}
	mean /= float32(len(pcm))
	n := 0
	for i := 1; i < len(pcm); i++ {
		if (pcm[i-1] > mean) != (pcm[i] > mean) {
			n++
		}
	}
	return float64(n) / float64(len(pcm)-1)
}

func total(power *[numBins]float32) float64 {
	sum := float32(0)
	for _, p := range power {
		sum += p
	}
	return float64(sum)
}
