package sinktest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/valence-live/valence/sink/sinktest"
)

func TestTheMadeUpCallTurnsTwiceFallsSilentAndLosesACamera(t *testing.T) {
	c := sinktest.NewCall("call", 60)
	assert.Equal(t, c, sinktest.NewCall("call", 60))
	var signs []bool
	var muted, cameras, windows int
	for _, e := range c.Events {
		if e.Participant != "alice" || e.Window.Kind != "sliding" {
			continue
		}
		windows++
		if e.Modalities.Video.Reason == "muted" {
			muted++
		} else {
			cameras++
		}
		if up := e.Score > 0; len(signs) == 0 || signs[len(signs)-1] != up {
			signs = append(signs, up)
		}
	}
	assert.Equal(t, []bool{true, false, true}, signs)
	assert.Positive(t, muted)
	assert.Positive(t, cameras)
	assert.Less(t, windows, 60, "some windows have nothing to score")
}
