package codec

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTimelineBelievesSmallHolesOnly(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		next, stamp, at, hole time.Duration
		ok                    bool
	}{
		"continues":                    {1000 * ms, 1000 * ms, 1000 * ms, 0, true},
		"rounded up":                   {1000 * ms, 1049 * ms, 1049 * ms, 0, true},
		"rounded down":                 {1000 * ms, 951 * ms, 951 * ms, 0, true},
		"a hole":                       {1000 * ms, 1051 * ms, 1051 * ms, 51 * ms, true},
		"an hour":                      {0, MaxGap, MaxGap, MaxGap, true},
		"more than an hour":            {1000 * ms, 10 * MaxGap, MaxGap + 1000*ms, MaxGap, true},
		"the end of time":              {0, 1<<63 - 1, MaxGap, MaxGap, true},
		"comes twice":                  {5000 * ms, 3500 * ms, 5000 * ms, 0, false},
		"the clock was set anew":       {5000 * ms, 1000 * ms, 5000 * ms, 0, true},
		"the beginning of time":        {5000 * ms, -1 << 63, 5000 * ms, 0, true},
		"before the zero, by a little": {0, -7 * ms, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			line := timeline{tolerance: 50 * ms, next: c.next}
			at, hole, ok := line.place(c.stamp)
			assert.Equal(t, c.ok, ok)
			assert.Equal(t, c.at, at)
			assert.Equal(t, c.hole, hole)
		})
	}
}

func TestTimelineGoesOnAfterALeap(t *testing.T) {
	line := timeline{tolerance: time.Second}
	for _, stamp := range []time.Duration{0, 10 * time.Hour, 10*time.Hour + 40*time.Millisecond} {
		at, _, ok := line.place(stamp)
		assert.True(t, ok)
		line.next = at + 40*time.Millisecond
	}
	assert.Equal(t, MaxGap+120*time.Millisecond, line.next)
}
