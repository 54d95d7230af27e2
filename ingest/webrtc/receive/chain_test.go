package receive

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// play runs a script: one word a frame, "K" for a key frame, "0" to "2" for a frame
// of that temporal layer, with "s" for one that refers to the lowest layer alone, "u"
// for one after which higher layers begin anew, "d" for droppable; "-" before it loses
// it, "/" skips it. It returns, for each frame that came, whether it can be decoded.
func play(t *testing.T, script string, fill func(l *layers, frame int)) string {
	t.Helper()
	c, tl0, out := newChain(), 0, []string(nil)
	for i, word := range strings.Fields(script) {
		l := layers{id: i, idBits: 15, tl0: -1}
		how := strings.TrimLeft(word, "-/")
		if how[0] == 'K' {
			l.key = true
		} else {
			_, err := fmt.Sscan(how[:1], &l.tid)
			require.NoError(t, err)
		}
		l.sync, l.up, l.droppable = strings.Contains(how, "s"), strings.Contains(how, "u"), strings.Contains(how, "d")
		if l.tid == 0 {
			tl0++
		}
		l.tl0 = tl0 & 0xff
		if fill != nil {
			fill(&l, i)
		}
		if word[0] == '-' {
			c.gap = true
			continue
		}
		c.see(&l)
		fits := c.fits(&l)
		switch {
		case word[0] == '/' && fits == intact:
			c.left(&l, passing)
		case fits == intact:
			c.decoded(&l)
		default:
			c.left(&l, fits)
		}
		out = append(out, [...]string{broken: "x", passing: ".", intact: "o"}[fits])
	}
	return strings.Join(out, "")
}

func TestAFrameIsDecodedIfAllThatItRefersToWas(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"nothing before a key frame", "0 0 K 0 0", "xxooo"},
		{"a lost frame breaks all after it", "K 0 -0 0 0 K 0", "ooxxoo"},
		{"a lost frame of a higher layer does not break the lowest", "K 2d 1 2d 0 -1 2 0 2 1", "ooooo" + "xoxx"},
		{"a layer begins anew where it refers to the lowest alone", "K 1 0 -1 0 1 0 1s 0 1", "oooox" + "oooo"},
		{"a skipped frame is no loss", "K 1 0 /1 0 1 2 0 1s 2", "ooooo" + "..oo."},
		{"a droppable frame may be skipped", "K 2d 1 /2d 0 2d 1 2d", "oooooooo"},
		{"switching up", "K 1 0 -1 0 1 0u 1 2", "oooox" + "ooo"},
		{"a lost frame of the lowest layer breaks all layers", "K 1 -0 1s 2 0 1s K 1s", "ooxxxxoo"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, play(t, c.script, nil)) })
	}
}

func TestWithoutLayersOnlyThePictureIDTellsThatNoFrameWasLost(t *testing.T) {
	noLayers := func(l *layers, _ int) { l.tl0 = -1 }
	assert.Equal(t, "ooxx", play(t, "K 0 -0 0 0", noLayers))
	nothing := func(l *layers, _ int) { l.tl0, l.id = -1, -1 }
	assert.Equal(t, "ooxx", play(t, "K 0 -0 0 0", nothing))

	c := newChain()
	for _, l := range []layers{{id: 127, idBits: 7, tl0: -1, key: true}, {id: 0, idBits: 7, tl0: -1}} {
		c.gap = true // what was lost was padding
		c.see(&l)
		assert.Equal(t, intact, c.fits(&l))
		c.decoded(&l)
	}
}

func TestInFlexibleModeTheReferencesDecide(t *testing.T) {
	refs := func(back ...uint8) func(*layers, int) {
		return func(l *layers, i int) {
			l.tl0, l.flexible = -1, !l.key
			if !l.key {
				l.refs[0], l.nrefs = back[i], 1
			}
		}
	}
	// 5 refers to 3, past the lost 4; 6 refers to the lost one.
	assert.Equal(t, "oooo"+"ox", play(t, "K 1 0 1 -1 1 1", refs(0, 1, 2, 1, 1, 2, 2)))
	assert.Equal(t, "ooo"+"xx", play(t, "K 0 0 -0 0 0", refs(0, 1, 1, 1, 1, 1)), "the lowest layer is lost")
	assert.Equal(t, "ooo.", play(t, "K 1 /1 1", refs(0, 1, 1, 1)), "a skipped one is no loss")
}
