package receive

// maxLayers is how many temporal layers there are at most.
const maxLayers = 8

// state says whether the frames of a layer can be decoded.
type state uint8

const (
	broken  state = iota // something that they refer to was lost
	passing              // something that they refer to was skipped
	intact
)

// chain knows which frames can be decoded exactly: those whose references were
// all decoded. A frame of temporal layer k refers to frames of layers up to k.
type chain struct {
	states [maxLayers]state
	gap    bool // frames may have been lost before the next
	lastID int  // of the last frame that was seen; -1 for none
	idBits int
	tl0    int        // the same of the lowest layer
	frames [128]state // of the newest ones, by picture id
}

func newChain() chain { return chain{lastID: -1, tl0: -1} }

// intact reports whether the lowest layer can be decoded.
func (c *chain) intact() bool { return c.states[0] == intact }

// see takes note of a frame, before anything is decided about it.
func (c *chain) see(l *layers) {
	if c.gap && !l.key {
		c.missed(l)
	}
	c.gap = false
	if l.id >= 0 {
		if c.idBits != l.idBits {
			c.lastID, c.idBits = -1, l.idBits
		}
		ahead := c.step(l.id)
		if c.lastID < 0 || ahead >= len(c.frames) {
			c.frames = [len(c.frames)]state{}
		}
		for i := 1; c.lastID >= 0 && i <= min(ahead, len(c.frames)); i++ { // those between were lost
			*c.frame(c.lastID + i) = broken
		}
	}
	c.lastID = l.id
	c.tl0 = l.tl0
}

// step returns how many picture ids further than the last one id is.
func (c *chain) step(id int) int { return (id - c.lastID) & (1<<c.idBits - 1) }

// frame returns what is known of the frame with a picture id.
func (c *chain) frame(id int) *state { return &c.frames[id&(len(c.frames)-1)] }

// missed decides what may have been among the frames that were lost before l.
func (c *chain) missed(l *layers) {
	switch {
	case l.id >= 0 && c.lastID >= 0 && l.idBits == c.idBits && c.step(l.id) == 1:
		// No frame was.
	case l.flexible && c.lastID >= 0:
		// The references say it.
	case l.tl0 >= 0 && c.tl0 >= 0 && l.tl0 == (c.tl0+next(l))&0xff:
		c.lower(1, broken)
	default:
		c.lower(0, broken)
	}
}

// next returns by how much the number of its lowest-layer frame rises at l.
func next(l *layers) int {
	if l.tid == 0 {
		return 1
	}
	return 0
}

// lower sets the layers from k on to at most s.
func (c *chain) lower(k int, s state) {
	for ; k < maxLayers; k++ {
		c.states[k] = min(c.states[k], s)
	}
}

// fits returns whether the frame can be decoded.
func (c *chain) fits(l *layers) state {
	switch {
	case l.key:
		return intact
	case l.flexible:
		if c.states[0] != intact {
			return broken
		}
		worst := intact
		for _, back := range l.refs[:l.nrefs] {
			worst = min(worst, *c.frame(l.id - int(back)))
		}
		return worst
	case l.sync && l.tid > 0:
		return c.states[0]
	default:
		return c.states[l.tid&(maxLayers-1)]
	}
}

// decoded takes note that a frame was decoded.
func (c *chain) decoded(l *layers) {
	switch k := l.tid & (maxLayers - 1); {
	case l.key:
		for i := range c.states {
			c.states[i] = intact
		}
	case l.sync && k > 0:
		c.states[k] = intact
	case l.up:
		for i := k + 1; i < maxLayers; i++ {
			c.states[i] = intact
		}
	}
	if l.id >= 0 {
		*c.frame(l.id) = intact
	}
}

// left takes note that a frame was not decoded: since it is not whole (broken), or
// not needed (passing).
func (c *chain) left(l *layers, s state) {
	if l.id >= 0 {
		*c.frame(l.id) = s
	}
	if !l.droppable {
		c.lower(l.tid&(maxLayers-1), s)
	}
}
