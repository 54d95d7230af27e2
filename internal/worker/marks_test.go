package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNothingThatIsNeededLiesBeforeAMark(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const topics = 2
		zero := time.Unix(0, 0)
		var m marks
		var captured [topics][]time.Time // of each record, by topic and offset
		now, next := zero, offsets{"0": 0, "1": 0}
		for range rapid.IntRange(1, 300).Draw(rt, "records") {
			topic := rapid.IntRange(0, topics-1).Draw(rt, "topic")
			at := now.Add(time.Duration(rapid.IntRange(-1500, 900).Draw(rt, "ms")) * time.Millisecond)
			m.note(now, next)
			captured[topic] = append(captured[topic], at)
			next[string(rune('0'+topic))]++
			if at.After(now) {
				now = at
			}
		}
		needed := zero.Add(time.Duration(rapid.IntRange(0, int(now.Sub(zero)/time.Millisecond)).Draw(rt, "needed")) * time.Millisecond)
		place := m.from(needed)
		require.NotNil(rt, place)
		for topic := range topics {
			for offset, at := range captured[topic] {
				if !at.Before(needed) {
					assert.GreaterOrEqual(rt, int64(offset), place[string(rune('0'+topic))])
				}
			}
		}
	})
}

func TestMarksAreForgottenWithWhatTheyMark(t *testing.T) {
	var m marks
	for i := range 1000 {
		m.note(time.Unix(int64(i), 0), offsets{"t": int64(i)})
	}
	assert.Equal(t, offsets{"t": 899}, m.from(time.Unix(900, 0)))
	assert.Len(t, m.all, 101)
}
