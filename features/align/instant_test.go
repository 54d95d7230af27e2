package align

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheGridIsTheMultiplesSince1970AndBefore(t *testing.T) {
	const step = 700 * time.Millisecond
	for _, c := range []struct{ at, floor, ceil time.Duration }{
		{0, 0, 0},
		{1, 0, step},
		{step, step, step},
		{2*step - 1, step, 2 * step},
		{-1, -step, 0},
		{-step, -step, -step},
		{-step - 1, -2 * step, -step},
	} {
		epoch := time.Unix(0, 0).UTC()
		assert.Equal(t, epoch.Add(c.floor), gridFloor(epoch.Add(c.at), step), "floor of %s", c.at)
		assert.Equal(t, epoch.Add(c.ceil), gridCeil(epoch.Add(c.at), step), "ceil of %s", c.at)
	}
}

func TestNoTimeBeyondTheRepresentableIsBelieved(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	assert.True(t, believable(now, now.Add(time.Second)))
	assert.False(t, believable(now, now))
	assert.False(t, believable(now, now.Add(-1)))
	assert.False(t, believable(now, now.Add(time.Hour)))
	assert.False(t, believable(time.Time{}, time.Time{}.Add(1)))
	far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	assert.False(t, believable(far, far.Add(1)))
}
