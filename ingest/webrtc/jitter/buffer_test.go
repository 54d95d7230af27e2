package jitter_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/ingest/webrtc/jitter"
)

const delay = 60 * time.Millisecond

var origin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// log is what came out: the numbers of packets, and -n for n that were lost.
type log struct {
	b    *jitter.Buffer[int]
	out  []int
	held []time.Duration // how long each packet waited
	now  time.Duration
}

func newLog(size int) *log {
	l := &log{}
	l.b = jitter.New(delay, size, func(p *jitter.Packet[int]) {
		if got := int(binary.BigEndian.Uint16(p.Payload)); got != int(p.Seq) {
			panic("another payload")
		}
		l.out = append(l.out, int(p.Seq))
		l.held = append(l.held, l.now-time.Duration(p.Meta))
	}, func(n int) { l.out = append(l.out, -n) })
	return l
}

var scratch [2]byte

func (l *log) push(seq int, at time.Duration) jitter.Verdict {
	l.now = at
	binary.BigEndian.PutUint16(scratch[:], uint16(seq))
	v := l.b.Push(&jitter.Packet[int]{Seq: uint16(seq), Payload: scratch[:], Meta: int(at)}, origin.Add(at))
	clear(scratch[:])
	return v
}

func (l *log) tick(at time.Duration) {
	l.now = at
	l.b.Tick(origin.Add(at))
}

func TestPacketsInOrderPassAtOnce(t *testing.T) {
	l := newLog(64)
	for i := range 70000 {
		require.True(t, l.b.Newest(uint16(65000+i)))
		require.Equal(t, jitter.Passed, l.push(65000+i, 0))
		require.Len(t, l.out, i+1, "nothing waits")
	}
	assert.Zero(t, l.b.Held())
}

func TestAPacketThatWasOvertakenIsPutInItsPlace(t *testing.T) {
	l := newLog(64)
	l.push(65534, 0)
	assert.Equal(t, jitter.Held, l.push(0, 1*time.Millisecond))
	assert.False(t, l.b.Newest(65535))
	assert.True(t, l.b.Newest(1))
	assert.Equal(t, jitter.Held, l.push(1, 2*time.Millisecond))
	assert.Equal(t, []int{65534}, l.out)
	assert.Equal(t, jitter.Passed, l.push(65535, 3*time.Millisecond))
	assert.Equal(t, []int{65534, 65535, 0, 1}, l.out)
}

func TestAHoleIsGivenUpAfterTheDelayAndItsPacketsAreThenLate(t *testing.T) {
	l := newLog(64)
	l.push(10, 0)
	l.push(13, 10*time.Millisecond)
	l.push(15, 20*time.Millisecond)
	l.tick(69 * time.Millisecond)
	assert.Equal(t, []int{10}, l.out)
	l.tick(70 * time.Millisecond)
	assert.Equal(t, []int{10, -2, 13}, l.out)
	l.tick(79 * time.Millisecond)
	assert.Equal(t, []int{10, -2, 13}, l.out, "the second hole has its own time")
	assert.Equal(t, jitter.Late, l.push(11, 79*time.Millisecond))
	l.tick(80 * time.Millisecond)
	assert.Equal(t, []int{10, -2, 13, -1, 15}, l.out)
}

func TestDuplicatesAreToldFromLatePackets(t *testing.T) {
	l := newLog(64)
	l.push(1, 0)
	l.push(2, 0)
	assert.Equal(t, jitter.Duplicate, l.push(1, 0))
	l.push(4, 0)
	assert.Equal(t, jitter.Duplicate, l.push(4, 0), "while it waits")
	l.tick(time.Second)
	assert.Equal(t, jitter.Late, l.push(3, time.Second))
	assert.Equal(t, jitter.Duplicate, l.push(4, time.Second))
}

func TestALongOutageIsAHoleAndNotWaitedFor(t *testing.T) {
	l := newLog(64)
	l.push(1, 0)
	l.push(3, 0)
	l.push(1000, time.Millisecond)
	assert.Equal(t, []int{1, -1, 3, -996, 1000}, l.out)
}

func TestAStreamThatCountsAnewIsFollowedFromTheSecondPacketOn(t *testing.T) {
	l := newLog(64)
	l.push(1, 0)
	assert.False(t, l.b.Newest(30000))
	assert.Equal(t, jitter.Astray, l.push(30000, 0))
	assert.Equal(t, jitter.Passed, l.push(2, 0), "a stray packet changes nothing")
	assert.Equal(t, jitter.Astray, l.push(30001, 0))
	assert.True(t, l.b.Newest(30002))
	assert.Equal(t, jitter.Passed, l.push(30002, 0))
	assert.Equal(t, []int{1, 2, 0, 30002}, l.out)

	l.push(28000, 0)
	l.push(28001, 0)
	assert.Equal(t, 28001, l.out[len(l.out)-1], "also backwards")
}

func TestFlushDeliversWhatWaitsAndResetDropsIt(t *testing.T) {
	l := newLog(64)
	l.push(1, 0)
	l.push(3, 0)
	l.b.Flush()
	assert.Equal(t, []int{1, -1, 3}, l.out)
	l.push(5, 0)
	assert.Equal(t, 1, l.b.Reset())
	l.push(900, 0)
	assert.Equal(t, []int{1, -1, 3, 900}, l.out)
}

// Every packet comes out once and in order or is said to be lost, and none waits
// longer than the delay.
func TestWhateverTheNetworkDoesNothingIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		first := rapid.IntRange(0, 65535).Draw(t, "first")
		n := rapid.IntRange(1, 3000).Draw(t, "packets")
		loss, twice := rapid.Float64Range(0, .5).Draw(t, "loss"), rapid.Float64Range(0, .2).Draw(t, "duplicates")
		spread := rapid.IntRange(0, 100).Draw(t, "jitter, ms")
		size := rapid.IntRange(1, 256).Draw(t, "size")
		type arrival struct {
			seq int
			at  time.Duration
		}
		var all []arrival
		for i := range n {
			at := time.Duration(5*i+rng.IntN(spread+1)) * time.Millisecond
			if i > 0 && rng.Float64() < loss {
				continue
			}
			if i == 0 {
				at = 0
			}
			all = append(all, arrival{first + i, at})
			if rng.Float64() < twice {
				all = append(all, arrival{first + i, at + time.Duration(rng.IntN(100))*time.Millisecond})
			}
		}
		slices.SortStableFunc(all, func(a, b arrival) int { return int(a.at - b.at) })
		l := newLog(size)
		dropped, now := 0, time.Duration(0)
		for _, a := range all {
			for ; now < a.at; now += time.Millisecond {
				l.tick(now)
			}
			l.tick(a.at)
			switch l.push(a.seq, a.at) {
			case jitter.Late, jitter.Duplicate, jitter.Astray:
				dropped++
			case jitter.Passed, jitter.Held:
			}
			require.LessOrEqual(t, l.b.Held(), 256)
		}
		for end := now + 2*delay; now < end; now += time.Millisecond {
			l.tick(now)
		}
		require.Zero(t, l.b.Held())
		next, delivered := first, 0
		for _, o := range l.out {
			if o < 0 {
				next -= o
				continue
			}
			require.Equal(t, next&0xffff, o, "in order, with what is lost at its place")
			next++
			delivered++
		}
		require.Equal(t, len(all), delivered+dropped)
		for i, d := range l.held {
			require.LessOrEqual(t, d, delay, "packet %d waited", i)
		}
	})
}

func TestNothingIsAllocatedInTheSteadyState(t *testing.T) {
	b := jitter.New(delay, 64, func(*jitter.Packet[int]) {}, func(int) {})
	payload := make([]byte, 1200)
	seq := uint16(0)
	p := jitter.Packet[int]{Payload: payload}
	round := func() {
		for _, ahead := range []uint16{0, 2, 1, 4, 5, 6, 3} {
			p.Seq = seq + ahead
			b.Push(&p, origin)
		}
		seq += 7
	}
	round()
	assert.Zero(t, testing.AllocsPerRun(100, round))
}

func BenchmarkPush(b *testing.B) {
	for name, swap := range map[string]bool{"in order": false, "every tenth overtaken": true} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			buf := jitter.New(delay, 512, func(*jitter.Packet[int]) {}, func(int) {})
			p := jitter.Packet[int]{Payload: make([]byte, 1200)}
			i := uint16(0)
			for b.Loop() {
				p.Seq = i
				if swap && i%10 == 8 {
					p.Seq++
				} else if swap && i%10 == 9 {
					p.Seq--
				}
				i++
				buf.Push(&p, origin)
			}
		})
	}
}

func FuzzPush(f *testing.F) {
	f.Add([]byte{0, 1, 5, 0, 3, 10, 0, 2, 0, 0xff, 0xff, 100})
	f.Fuzz(func(_ *testing.T, data []byte) {
		l := newLog(16)
		at := time.Duration(0)
		for ; len(data) >= 3; data = data[3:] {
			at += time.Duration(data[2]) * time.Millisecond
			l.push(int(binary.BigEndian.Uint16(data)), at)
			if l.b.Held() > 16 {
				panic("holds too many")
			}
			l.out, l.held = l.out[:0], l.held[:0]
		}
		l.b.Flush()
	})
}
