package kafka

import "time"

// settle is how much later than a record is known a topic must be asked to be
// sure that what comes into it from then on has a later time: record times are
// whole milliseconds.
const settle = 2 * time.Millisecond

// merge puts the records of several topics of one partition number into one
// order, that of their times. Ties go by the order of the topics. It is not
// safe for concurrent use, and is told what time it is.
type merge struct {
	bound   time.Duration
	streams []*stream
}

// stream is one topic of a merge.
type stream struct {
	queue []entry // head first
	head  int
	bytes int // of the queue

	next int64 // the offset of the next record that is given out
	read int64 // the offset from which is asked next
	end  int64 // the offset at which the topic ended at last, -1 while unknown

	// ended are what was known of end before, the newest first, at least settle apart.
	ended [2]known
	// asOf has, for every topic, its end that was known when this topic was
	// asked for what end and read say.
	asOf []int64

	newest time.Time // the largest time so far: within a topic time does not go back
}

// known is where a topic ended, and since when we know.
type known struct {
	end   int64
	since time.Time
}

// newMerge begins at one offset for each topic.
func newMerge(bound time.Duration, starts []int64) *merge {
	m := &merge{bound: bound}
	for _, at := range starts {
		m.streams = append(m.streams, &stream{next: at, read: at, end: -1, asOf: make([]int64, len(starts)), ended: [2]known{{end: -1}, {end: -1}}})
	}
	return m
}

// asked returns what add wants to know of the moment at which a topic was
// asked: the ends of all topics that were known then.
func (m *merge) asked(now time.Time) []int64 {
	out := make([]int64, len(m.streams))
	for i, s := range m.streams {
		if out[i] = s.ended[0].end; now.Sub(s.ended[0].since) < settle {
			out[i] = s.ended[1].end
		}
	}
	return out
}

// add takes an answer for topic i: its records, the offset to go on from, and
// where the topic ended. asked is from when the question was put.
func (m *merge) add(i int, entries []entry, read, end int64, asked []int64, now time.Time) {
	s := m.streams[i]
	if s.head > 0 && s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
	}
	for k := range entries {
		e := &entries[k]
		if e.Time.Before(s.newest) {
			e.arranged = s.newest
		} else {
			e.arranged, s.newest = e.Time, e.Time
		}
		e.arrived = now
		s.bytes += e.size()
	}
	s.queue = append(s.queue, entries...)
	s.read, s.asOf = read, asked
	if s.end = end; now.Sub(s.ended[0].since) >= settle {
		s.ended[1] = s.ended[0]
		s.ended[0] = known{end, now}
	}
	if len(s.queue) == s.head {
		s.next = read // what is not there need not be handled
	}
}

// pop returns the record that is next. If there is none yet, wait is how long
// it may take until there is one by the passing of time alone; 0 is for ever.
func (m *merge) pop(now time.Time) (e entry, wait time.Duration, ok bool) {
	first := -1
	for i, s := range m.streams {
		if s.head < len(s.queue) && (first < 0 || s.queue[s.head].arranged.Before(m.head(first).arranged)) {
			first = i
		}
	}
	if first < 0 {
		return entry{}, 0, false
	}
	head := m.head(first)
	for i, s := range m.streams {
		if i == first || s.head < len(s.queue) {
			continue
		}
		atEnd := s.end >= 0 && s.read >= s.end
		if atEnd && head.Offset < s.asOf[first] {
			continue // it was asked after the record was there, and had nothing
		}
		if !atEnd {
			return entry{}, 0, false // more is on the way
		}
		if left := m.bound - now.Sub(head.arrived); left > 0 {
			wait = max(wait, left)
		}
	}
	if wait > 0 {
		return entry{}, wait, false
	}
	return m.take(first), 0, true
}

func (m *merge) head(i int) *entry { return &m.streams[i].queue[m.streams[i].head] }

func (m *merge) take(i int) entry {
	s := m.streams[i]
	e := s.queue[s.head]
	s.queue[s.head] = entry{}
	s.head++
	s.bytes -= e.size()
	s.next = e.Offset + 1
	if s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
		s.next = s.read
	}
	return e
}

// waitsFor reports whether a record of another topic waits for an answer of
// this one.
func (m *merge) waitsFor(i int) bool {
	s := m.streams[i]
	if s.head < len(s.queue) {
		return false
	}
	for k, other := range m.streams {
		if k != i && other.head < len(other.queue) && m.head(k).Offset >= s.asOf[k] {
			return true
		}
	}
	return false
}

// lag is how many records of topic i were not given out, as far as is known.
func (m *merge) lag(i int) int64 {
	s := m.streams[i]
	return max(0, s.end-s.next)
}
