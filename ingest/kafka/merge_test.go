package kafka

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logs are the topics of a partition as a broker has them: records get the
// broker's time when they are written.
type logs [][]entry

func (l logs) write(topic int, now time.Time) {
	at := time.UnixMilli(now.UnixMilli())
	l[topic] = append(l[topic], entry{Record: Record{Topic: strconv.Itoa(topic), Offset: int64(len(l[topic])), Time: at}})
}

// answer is a request on its way: it was put at one moment, the broker looked
// at its log at another, and we hear of it at a third.
type answer struct {
	topic   int
	asked   []int64
	entries []entry
	end     int64
	looked  bool
	looks   time.Time
	arrives time.Time
}

// reading is a merge that asks simulated brokers, one request for each topic
// at a time.
type reading struct {
	*merge
	logs logs
	rnd  *rand.Rand
	slow int // microseconds that a request takes at most, each way
	asks []*answer
	out  []string
}

func newReading(l logs, starts []int64, rnd *rand.Rand) *reading {
	return &reading{merge: newMerge(500*time.Millisecond, starts), logs: l, rnd: rnd, slow: 100 + rnd.IntN(3)*20_000, asks: make([]*answer, len(l))}
}

func (r *reading) delay() time.Duration {
	return time.Duration(r.rnd.IntN(r.slow)) * time.Microsecond
}

// step lets a moment pass. Requests bring some records of those that there are.
func (r *reading) step(now time.Time) {
	for i := range r.logs {
		a := r.asks[i]
		if a == nil && len(r.streams[i].queue)-r.streams[i].head < 5 {
			a = &answer{topic: i, asked: r.asked(now), looks: now.Add(r.delay())}
			a.arrives = a.looks.Add(r.delay())
			r.asks[i] = a
		}
		if a != nil && !a.looked && !now.Before(a.looks) {
			from := r.streams[i].read
			a.looked, a.end = true, int64(len(r.logs[i]))
			to := min(a.end, from+int64(r.rnd.IntN(4)))
			a.entries = slices.Clone(r.logs[i][from:max(from, to)])
		}
		if a != nil && a.looked && !now.Before(a.arrives) {
			read := r.streams[i].read + int64(len(a.entries))
			r.add(i, a.entries, read, a.end, a.asked, now)
			r.asks[i] = nil
		}
	}
	for range r.rnd.IntN(4) { // the handler is slower at times
		if e, _, ok := r.pop(now); ok {
			r.out = append(r.out, fmt.Sprintf("%s@%d", e.Topic, e.Offset))
		}
	}
}

func TestABacklogIsReadInTheOrderInWhichItWasReadLive(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		topics := 2 + rnd.IntN(3)
		l := make(logs, topics)
		live := newReading(l, make([]int64, topics), rnd)
		now, total := time.UnixMilli(1_700_000_000_000), 0
		for range 2000 {
			now = now.Add(time.Duration(rnd.IntN(200)) * time.Microsecond)
			for i := range topics {
				if rnd.IntN(10*(i+1)) == 0 { // some topics are busier
					l.write(i, now)
					total++
				}
			}
			live.step(now)
		}
		finish(t, live, total, now)

		backlog := newReading(l, make([]int64, topics), rand.New(rand.NewPCG(seed, 2)))
		finish(t, backlog, total, now)
		require.Equal(t, live.out, backlog.out, "seed %d", seed)

		// A crash: the next owner reads on from any point, and gets the rest in the same order.
		cut := rnd.IntN(total + 1)
		starts := make([]int64, topics)
		for _, done := range live.out[:cut] {
			var topic, offset int
			_, err := fmt.Sscanf(done, "%d@%d", &topic, &offset)
			require.NoError(t, err)
			starts[topic] = int64(offset) + 1
		}
		rest := newReading(l, starts, rand.New(rand.NewPCG(seed, 3)))
		finish(t, rest, total-cut, now)
		require.Equal(t, live.out[cut:], append([]string{}, rest.out...), "seed %d", seed)
	}
}

// finish reads until there is nothing more.
func finish(t *testing.T, r *reading, total int, now time.Time) {
	t.Helper()
	for i := 0; len(r.out) < total; i++ {
		require.Less(t, i, 1_000_000, "it stands still")
		now = now.Add(time.Millisecond)
		r.step(now)
	}
}

func at(ms int) time.Time { return time.UnixMilli(int64(ms)) }

func rec(topic string, offset int64, ms int) entry {
	return entry{Record: Record{Topic: topic, Offset: offset, Time: at(ms), Value: []byte("xy")}}
}

func TestARecordWaitsForATopicThatMayHaveAnEarlierOne(t *testing.T) {
	m := newMerge(500*time.Millisecond, []int64{0, 0})
	asked := m.asked(at(1000))
	m.add(0, []entry{rec("a", 0, 990)}, 1, 1, asked, at(1010))
	_, wait, ok := m.pop(at(1010))
	assert.False(t, ok)
	assert.Zero(t, wait, "nothing is known of b: that is waited for, however long it takes")
	assert.True(t, m.waitsFor(1))

	m.add(1, nil, 0, 0, asked, at(1020))
	_, wait, ok = m.pop(at(1020))
	assert.False(t, ok, "b was asked before a's record was known")
	assert.Equal(t, 490*time.Millisecond, wait)
	assert.True(t, m.waitsFor(1))

	m.add(1, nil, 0, 0, m.asked(at(1021)), at(1030))
	e, _, ok := m.pop(at(1030))
	assert.True(t, ok, "it was asked again and had nothing")
	assert.Equal(t, "a", e.Topic)
	assert.False(t, m.waitsFor(1))
}

func TestATopicThatCannotBeAskedIsWaitedForHalfASecond(t *testing.T) {
	m := newMerge(500*time.Millisecond, []int64{0, 0})
	m.add(1, nil, 0, 0, m.asked(at(1000)), at(1001))
	m.add(0, []entry{rec("a", 0, 1990)}, 1, 1, m.asked(at(1001)), at(2000))
	_, wait, ok := m.pop(at(2100))
	assert.False(t, ok)
	assert.Equal(t, 400*time.Millisecond, wait)
	_, _, ok = m.pop(at(2500))
	assert.True(t, ok)
}

func TestATopicThatIsKnownToHaveMoreIsWaitedForWithoutEnd(t *testing.T) {
	m := newMerge(500*time.Millisecond, []int64{0, 0})
	m.add(1, nil, 0, 7, m.asked(at(1000)), at(1001))
	m.add(0, []entry{rec("a", 0, 1990)}, 1, 1, m.asked(at(1001)), at(2000))
	_, wait, ok := m.pop(at(100_000))
	assert.False(t, ok)
	assert.Zero(t, wait)
}

func TestOneAnswerOfAnIdleTopicLetsAWholeBacklogThrough(t *testing.T) {
	m := newMerge(500*time.Millisecond, []int64{0, 0})
	m.add(0, []entry{rec("a", 0, 10)}, 1, 100_000, m.asked(at(1000)), at(1001))
	m.add(1, nil, 0, 0, m.asked(at(1010)), at(1020))
	_, _, ok := m.pop(at(1020))
	require.True(t, ok)
	for i := int64(1); i < 100; i++ {
		m.add(0, []entry{rec("a", i, 10)}, i+1, 100_000, m.asked(at(1020)), at(1021))
		_, _, ok = m.pop(at(1021))
		require.True(t, ok, "b ended after all of these had been written")
	}
}

func TestTimesThatGoBackInATopicDoNotHoldTheOthersUp(t *testing.T) {
	m := newMerge(500*time.Millisecond, []int64{0, 0})
	m.add(0, []entry{rec("a", 0, 100), rec("a", 1, 50), rec("a", 2, 120)}, 3, 3, m.asked(at(1000)), at(1000))
	m.add(1, []entry{rec("b", 0, 60), rec("b", 1, 110)}, 2, 2, m.asked(at(1000)), at(1000))
	var got []string
	for {
		e, _, ok := m.pop(at(2000))
		if !ok {
			break
		}
		got = append(got, fmt.Sprintf("%s%d", e.Topic, e.Offset))
	}
	assert.Equal(t, []string{"b0", "a0", "a1", "b1", "a2"}, got)
}

func TestTheLagIsWhatWasNotHandedOut(t *testing.T) {
	m := newMerge(0, []int64{5})
	assert.Zero(t, m.lag(0))
	m.add(0, []entry{rec("a", 5, 1), rec("a", 8, 2)}, 9, 20, m.asked(at(1)), at(1))
	assert.Equal(t, int64(15), m.lag(0))
	_, _, _ = m.pop(at(2))
	assert.Equal(t, int64(14), m.lag(0))
	_, _, _ = m.pop(at(2))
	assert.Equal(t, int64(11), m.lag(0), "the gap up to 9 needs no handling")
	assert.Zero(t, m.streams[0].bytes)
}
