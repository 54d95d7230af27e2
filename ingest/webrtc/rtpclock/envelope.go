package rtpclock

const (
	// leakPPM is how fast the floor rises when no packet comes near it. It is
	// twice the worst drift of a quartz (500 ppm), which it must outrun; it lets
	// the floor wander by a millisecond a second between two fast packets.
	leakPPM = 1000
	// slewPercent is how fast a correction is made: a twentieth of the time that
	// passes. Sound that is stretched by as much loses or gains one sample in
	// twenty, which its features hardly notice; 100 ms take 2 s.
	slewPercent = 5
	// calmPPM is how fast the spread shrinks while packets arrive evenly: 100 ms
	// are forgotten in 10 s.
	calmPPM = 10000
	// recently is the length of one of the two buckets of the recent minimum.
	recently = second / 2
)

// envelope follows the lower envelope of arrival - sent, the delay of the
// fastest packets plus the difference of two clocks, and gives it out slewed.
type envelope struct {
	set    bool
	floor  int64 // of arrival - sent, with a leak
	spread int64 // how far packets lately lay above it
	at     int64 // arrival of the newest packet
	first  int64 // arrival of the first one

	bucket, before, bucketAt int64 // minima of the current and the last bucket
	out                      slew
}

// sample takes in a packet.
func (e *envelope) sample(arrival, sent int64) {
	d := arrival - sent
	if !e.set {
		*e = envelope{set: true, floor: d, at: arrival, first: arrival, bucket: d, before: d, bucketAt: arrival, out: e.out}
		return
	}
	passed := max(arrival-e.at, 0)
	e.at += passed
	e.floor = min(d, e.floor+passed*leakPPM/1e6)
	e.spread = max(d-e.floor, e.spread-passed*calmPPM/1e6)
	if arrival-e.bucketAt >= recently {
		e.before, e.bucket, e.bucketAt = e.bucket, d, arrival
	}
	e.bucket = min(e.bucket, d)
}

// offer lowers the floor to what was measured otherwise.
func (e *envelope) offer(arrival, d int64) {
	if e.set {
		e.floor = min(e.floor, d)
		return
	}
	e.sample(arrival, arrival-d)
}

// recent returns the least arrival - sent of the last half to whole second.
func (e *envelope) recent() int64 { return min(e.bucket, e.before) }

// value returns the slewed floor at a sent time.
func (e *envelope) value(sent int64) int64 { return e.out.value(sent, e.floor) }

// pending returns how far what is given out is from the floor.
func (e *envelope) pending() int64 { return e.out.pending(e.floor) }
