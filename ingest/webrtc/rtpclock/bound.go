package rtpclock

const (
	// unreported is how much longer the fastest packets of one track may take
	// from capture to arrival than those of another: devices, encoders and pacing
	// differ. Arrivals cannot show it. Browsers stay below 60 ms.
	unreported = 100 * millisecond
	// unsettled is how late the first packets of a track may be all together; it
	// is forgotten over the first settling of a track.
	unsettled = 150 * millisecond
	settling  = 3 * second
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
	e := rounding + abs(t.carry.at(x))
	if t.mode == byArrival {
		e += t.own.pending()
	} else {
		e = e - rounding + t.lines[t.mode.kind()].doubt(x)
	}
	if t.suspicion.off != 0 && x-t.suspicion.from < doubted {
		e += t.suspicion.off
	}
	return e
}

// loose returns the largest error of a track that is only placed by arrivals.
func (t *Track) loose() int64 {
	e := unreported + t.own.spread + max(unsettled-(t.own.at-t.own.first)*unsettled/settling, 0)
	if t.mode != byArrival {
		e += t.sender.clocks[t.mode.kind()].pending()
	}
	return e
}

// bound returns the largest error against the sender's other tracks.
func (t *Track) bound() int64 {
	worst, alone := int64(0), true
	for _, o := range t.sender.tracks {
		if o == t || !o.answered || t.arrived-o.arrived > current {
			continue
		}
		alone = false
		e := o.errorAt
		if k := t.mode.kind(); t.mode == byArrival || o.mode != t.mode || o.epoch[k].id != t.epoch[k].id {
			e += max(t.loose(), o.loose())
		}
		worst = max(worst, e)
	}
	if alone && t.mode == byArrival {
		worst = t.loose()
	}
	return t.errorAt + worst
}
