package rtpclock

// mode is what the times of a track rest on.
type mode uint8

const (
	byArrival mode = iota
	byReport
	byCapture
)

func (m mode) kind() kind {
	if m == byCapture {
		return captures
	}
	return reports
}

// has reports whether a track can be in a mode.
func (t *Track) has(m mode) bool { return m == byArrival || t.lines[m.kind()].known() }

// best returns the best mode that a track can be in.
func (t *Track) best() mode {
	switch {
	case t.has(byCapture):
		return byCapture
	case t.has(byReport):
		return byReport
	default:
		return byArrival
	}
}

// choose puts each track into the best mode that all of them can be in, since
// different clocks of the sender can only be compared by arrivals; if there is
// none but arrivals, each into the best that it can be in itself.
func (s *Sender) choose() {
	common := byCapture
	for common > byArrival && !s.all(common) {
		common--
	}
	for _, t := range s.tracks {
		best := common
		if best == byArrival {
			best = t.best()
		}
		if t.begun && t.mode != best {
			t.change(func() { t.mode = best })
		}
	}
}

// all reports whether all tracks that have begun can be in a mode.
func (s *Sender) all(m mode) bool {
	for _, t := range s.tracks {
		if t.begun && !t.has(m) {
			return false
		}
	}
	return true
}
