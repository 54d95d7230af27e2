package rtpclock

const (
	// unreported is how much longer the fastest packets of one track may take
	// from capture to arrival than those of another. Arrivals cannot show it, so it
	// is assumed: 100 ms hold a frame of sound, an encoder without look-ahead and
	// the pacing of a frame.
	unreported = 100 * millisecond
	// unsettled is how late the first packets of a track may be all together. It is
	// forgotten over the time settling, after the same time once.
	unsettled = 150 * millisecond
	settling  = 3 * second / 2
	// current is how long after its last packet a track is compared with others.
	current = 10 * second
	// doubted is how long a report that did not fit is held against the track.
	doubted = 10 * second
)

// suspicion is by how much, and when, a report did not fit its track: the other
// tracks may not know yet.
type suspicion struct{ off, from int64 }

// error returns the largest error of the track's mapping at a media time against
// a track with an exact mapping of the same kind.
func (t *Track) error(x int64) int64 {
	e := abs(t.carry.at(x))
	if t.mode == byArrival {
		e += rounding + t.own.pending()
	} else {
		e += t.lines[t.mode.kind()].doubt(x)
	}
	if t.stall.on {
		e += t.stall.least - t.own.floor
	}
	if t.suspicion.off != 0 && x-t.suspicion.from < doubted {
		e += t.suspicion.off
	}
	return e
}

// loose returns the largest error of a track that is only placed by arrivals.
func (t *Track) loose() int64 {
	unseen := min(max(2*settling-(t.own.at-t.own.first), 0), settling)
	spread, pending := t.own.spread, int64(0)
	if t.mode != byArrival {
		c := &t.sender.clocks[t.mode.kind()]
		spread, pending = max(spread, c.spread), c.pending()
	}
	return unreported + spread + pending + unsettled*(unseen/millisecond)/(settling/millisecond)
}

// bound returns the largest error of the time at, for the media time x, against
// what the sender's other tracks captured then.
func (t *Track) bound(x, at int64) int64 {
	worst, alone := int64(0), true
	for _, o := range t.sender.tracks {
		if o == t || !o.answered || t.arrived-o.arrived > current {
			continue
		}
		alone = false
		// When the other one was there, it may have been less settled than now; and
		// where that was is known to the extent that the two are aligned.
		e := o.error(o.asked-max(o.given-at, 0)) * (100 + slewPercent) / 100
		if k := t.mode.kind(); t.mode == byArrival || o.mode != t.mode || o.epoch[k].id != t.epoch[k].id {
			e += max(t.loose(), o.loose())
		}
		worst = max(worst, e)
	}
	if alone && t.mode == byArrival {
		worst = t.loose()
	}
	return t.error(x) + worst
}
