package audio

const (
	// voiced is the height of the autocorrelation's peak from which on a frame
	// is taken for voiced (Boersma 1993: 0.45).
	voiced = 0.45
	// overFloor is how far speech must stand out of the noise, in dB, and
	// hangingOn what is left of it in the pauses and consonants that follow.
	overFloor = 9.0
	hangingOn = 3.0
	// underLevel is how far below the track's mean speech, in dB, something may
	// still be speech: in a studio without noise every echo stands out.
	underLevel = 25.0
	// faintest is the least level of speech, in dB of full scale: less is what
	// rounding to 16 bits leaves.
	faintest = -80.0
	// voicedHops of a step must be speech.
	voicedHops = 2
	// hangover is how many steps speech goes on after its last voiced step.
	hangover = 3
	// headroom is how far below the first sound the floor of a new track is
	// assumed: it may begin in mid-speech.
	headroom = 20.0

	// The noise floor is the lowest level of the last floorParts x partSteps
	// steps: speech has a pause of 50 ms at least every few seconds, a hum has
	// none (Martin 2001, minimum statistics).
	floorParts = 8
	partSteps  = 5
)

// detector tells speech by its energy over an adaptive noise floor and its
// periodicity. It does not look ahead.
type detector struct {
	begun  bool
	minima [floorParts]float64 // dB, the lowest of each part
	part   int
	steps  int // of the current part
	since  int // steps since the last voiced one
}

// speech takes the frames of the next step and decides on it. quietest is the
// least level, in dB, that can be speech on this track.
func (d *detector) speech(hops []hop, quietest float64) bool {
	lowest, highest := hops[0].level, hops[0].level
	for _, h := range hops[1:] {
		lowest = min(lowest, h.level)
		highest = max(highest, h.level)
	}
	floor := d.floor(lowest)
	standing := 0
	for _, h := range hops {
		if h.voicing >= voiced && h.level > max(floor+overFloor, quietest) {
			standing++
		}
	}
	if standing >= voicedHops {
		d.since = 0
		return true
	}
	d.since = min(d.since+1, hangover+1)
	return d.since <= hangover && highest > max(floor+hangingOn, quietest)
}

// floor takes the lowest level of a step and returns that of the last seconds.
func (d *detector) floor(lowest float64) float64 {
	if !d.begun {
		d.begun = true
		d.since = hangover + 1
		for i := range d.minima {
			d.minima[i] = lowest - headroom
		}
		d.minima[d.part] = lowest
	}
	if d.steps == partSteps {
		d.part, d.steps = (d.part+1)%floorParts, 0
		d.minima[d.part] = lowest
	}
	d.steps++
	d.minima[d.part] = min(d.minima[d.part], lowest)
	floor := d.minima[0]
	for _, m := range d.minima[1:] {
		floor = min(floor, m)
	}
	return floor
}
