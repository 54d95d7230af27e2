package webrtc

import (
	"cmp"
	"slices"
	"time"
)

// What the choice of a layer goes by.
const (
	smallestFace   = 48              // pixels of the picture's width: what the face network reads
	enoughFace     = 60              // the smaller layer must show this much before it is taken
	faceless       = 2 * time.Second // without a face before a larger layer is tried
	hopeless       = 10 * time.Second
	retryAfter     = 30 * time.Second
	dwell          = 2 * time.Second // between two switches
	suffices       = 3 * time.Second // a smaller layer would, for this long, before it is taken
	settle         = 250 * time.Millisecond
	aliveFor       = 2 * time.Second // after its newest packet
	switchPatience = 3 * time.Second // for the first picture of a new layer
)

// A layer is one size of the picture, as far as it is known.
type layer struct {
	rid   string
	width int     // of its pictures; 0 before one was decoded
	rate  float64 // bytes a second, the most it had
	alive bool    // packets come
}

// chooser chooses the layer to decode: the smallest that still shows a face of
// smallestFace. It begins with the smallest. A layer's width is known once it
// was decoded; before, each is taken to be twice as wide as the next smaller
// one, as browsers make them.
type chooser struct {
	chosen   string
	since    time.Time            // when it was chosen
	noFace   time.Time            // since when there is none; zero while there is one
	smaller  time.Time            // since when the next smaller would do
	blocked  map[string]time.Time // layers that failed, until when they are left alone
	hopeless time.Time            // until when nothing larger is tried
}

// choose returns the layer to decode, or "" while none is alive. share is the
// width of the face as a share of the picture's; known is false before anything
// was said of it.
func (c *chooser) choose(now time.Time, layers []layer, share float32, known bool) string {
	var alive []layer
	for _, l := range layers {
		if l.alive {
			alive = append(alive, l)
		}
	}
	if len(alive) == 0 {
		return c.chosen
	}
	slices.SortStableFunc(alive, func(a, b layer) int {
		if a.width > 0 && b.width > 0 && a.width != b.width {
			return cmp.Compare(a.width, b.width)
		}
		return cmp.Compare(a.rate, b.rate)
	})
	i := slices.IndexFunc(alive, func(l layer) bool { return l.rid == c.chosen })
	if i < 0 {
		return c.take(now, alive[0].rid)
	}
	c.watch(now, share, known, i > 0 && share*float32(widthOf(alive, i, i-1)) >= enoughFace)
	if now.Sub(c.since) < dwell {
		return c.chosen
	}
	if !known {
		if i > 0 && c.allowed(now, alive[0].rid) { // it came to life later than the one that was begun with
			return c.take(now, alive[0].rid)
		}
		return c.chosen
	}
	switch {
	case i+1 < len(alive) && c.wantsLarger(now, share, alive[i].width) && c.allowed(now, alive[i+1].rid) && now.After(c.hopeless):
		if share == 0 {
			c.block(alive[i].rid, now.Add(retryAfter))
		}
		return c.take(now, alive[i+1].rid)
	case i+1 == len(alive) && i > 0 && since(now, c.noFace, hopeless):
		c.hopeless = now.Add(retryAfter)
		return c.take(now, alive[0].rid)
	case i > 0 && since(now, c.smaller, suffices) && c.allowed(now, alive[i-1].rid):
		return c.take(now, alive[i-1].rid)
	}
	return c.chosen
}

// watch notes since when something is so.
func (c *chooser) watch(now time.Time, share float32, known, smallerWouldDo bool) {
	note := func(at *time.Time, so bool) {
		if !so {
			*at = time.Time{}
		} else if at.IsZero() {
			*at = now
		}
	}
	note(&c.noFace, known && share == 0)
	note(&c.smaller, smallerWouldDo)
}

func (c *chooser) wantsLarger(now time.Time, share float32, width int) bool {
	if share == 0 {
		return since(now, c.noFace, faceless)
	}
	return width > 0 && share*float32(width) < smallestFace
}

func (c *chooser) take(now time.Time, rid string) string {
	c.chosen, c.since, c.noFace, c.smaller = rid, now, time.Time{}, time.Time{}
	return rid
}

func (c *chooser) block(rid string, until time.Time) {
	if c.blocked == nil {
		c.blocked = make(map[string]time.Time)
	}
	c.blocked[rid] = until
}

func (c *chooser) allowed(now time.Time, rid string) bool { return !now.Before(c.blocked[rid]) }

// failed goes back to the layer before: the one chosen gave no picture.
func (c *chooser) failed(now time.Time, before string) {
	c.block(c.chosen, now.Add(retryAfter))
	c.take(now, before)
}

// widthOf returns the width of layer j, guessed from that of layer i where no
// picture of j was seen.
func widthOf(layers []layer, i, j int) int {
	if layers[j].width > 0 {
		return layers[j].width
	}
	width := layers[i].width
	for ; j < i; j++ {
		width /= 2
	}
	for ; j > i; j-- {
		width *= 2
	}
	return width
}

// since reports whether something is so for as long as d.
func since(now, from time.Time, d time.Duration) bool {
	return !from.IsZero() && now.Sub(from) >= d
}
