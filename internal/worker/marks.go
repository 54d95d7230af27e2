package worker

import (
	"maps"
	"time"
)

// offsets are places in the log: by topic, the offset of the next record.
type offsets map[string]int64

// least lowers each offset to that of another place.
func (o offsets) least(other offsets) {
	for topic, offset := range other {
		if mine, ok := o[topic]; !ok || offset < mine {
			o[topic] = offset
		}
	}
}

// markEvery is how far apart two marks of a session are, in its own time.
const markEvery = time.Second

// marks remember where in the log a call was when it had come to a time.
type marks struct{ all []mark }

type mark struct {
	at time.Time // the newest time of the call before the place
	offsets
}

// note remembers a place, unless the last one is hardly older.
func (m *marks) note(at time.Time, place offsets) {
	if n := len(m.all); n > 0 && at.Sub(m.all[n-1].at) < markEvery {
		return
	}
	m.all = append(m.all, mark{at, maps.Clone(place)})
}

// from returns the newest place before which nothing is needed that was captured
// at or after t, and forgets older ones. Of a call of which everything is needed
// it is the first.
func (m *marks) from(t time.Time) offsets {
	n := 0
	for n+1 < len(m.all) && m.all[n+1].at.Before(t) {
		n++
	}
	m.all = m.all[:copy(m.all, m.all[n:])]
	if len(m.all) == 0 {
		return nil
	}
	return m.all[0].offsets
}
