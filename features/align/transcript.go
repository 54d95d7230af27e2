package align

import (
	"cmp"
	"slices"
	"time"

	"github.com/valence-live/valence/features"
)

// Bounds of a transcript in memory: many times what anybody can say within
// the longest settings, a few megabytes.
const (
	maxTokens   = 4096
	maxSegments = 1024
)

// segment is the newest version of a stretch of transcript.
type segment struct {
	features.Segment
	utterance record    // of its own window
	expired   bool      // it came too late for a window of its own
	mean      []float32 // of its tokens; see said
}

// pending reports whether its utterance window is still to become final.
func (s *segment) pending() bool {
	return s.Final && !s.expired && s.utterance.revision < revisionFinal
}

// place is the instant that decides which window holds the token: the middle
// of its word, but never outside of the segment.
func (s *segment) place(token *features.Vector) time.Time {
	middle := token.Start.Add(token.End.Sub(token.Start) / 2)
	return later(s.Start, earlier(middle, s.End.Add(-1)))
}

// transcript is the text that a window may still need: segments in order of
// Start, then ID.
type transcript struct {
	segments []*segment
	tokens   int // in all of them
}

// find returns the segment of that id, or nil.
func (x *transcript) find(id string) *segment {
	for _, s := range slices.Backward(x.segments) {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// insert puts a segment in its place and owns its Receipt.
func (x *transcript) insert(s *segment) {
	i, _ := slices.BinarySearchFunc(x.segments, s, func(a, b *segment) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
	})
	x.segments = slices.Insert(x.segments, i, s)
	x.tokens += len(s.Tokens)
}

// remove takes segments out and gives back their Receipts.
func (x *transcript) remove(out func(*segment) bool) {
	x.segments = slices.DeleteFunc(x.segments, func(s *segment) bool {
		if !out(s) {
			return false
		}
		s.Receipt.Release()
		x.tokens -= len(s.Tokens)
		return true
	})
}

// due returns, of the segments that end by the given time and whose window has
// not come to the given revision, the one that ends first; or nil.
func (x *transcript) due(by time.Time, revision int) *segment {
	var first *segment
	for _, s := range x.segments {
		if s.pending() && s.utterance.revision < revision && !s.End.After(by) && (first == nil || s.End.Before(first.End)) {
			first = s
		}
	}
	return first
}

// leastOverlap is what a segment with a token in a window overlaps it by at
// least: a token stands for some time.
const leastOverlap = time.Millisecond

// pick appends the tokens that have their place in [from, to), of one segment
// or, where only is nil, of all.
func (x *transcript) pick(into []features.Vector, only *segment, from, to time.Time) []features.Vector {
	for _, s := range x.segments {
		if (only == nil || s == only) && s.overlaps(from, to) {
			into = s.pick(into, from, to)
		}
	}
	return into
}

// pick appends the tokens that have their place in [from, to). They share the
// time for which the segment overlaps it.
func (s *segment) pick(into []features.Vector, from, to time.Time) []features.Vector {
	first := len(into)
	for i := range s.Tokens {
		if at := s.place(&s.Tokens[i]); s.Tokens[i].Values != nil && !at.Before(from) && at.Before(to) {
			into = append(into, s.Tokens[i])
		}
	}
	overlap := max(leastOverlap, earlier(s.End, to).Sub(later(s.Start, from)))
	each := float32(overlap.Seconds() / float64(len(into)-first))
	for i := range into[first:] {
		into[first+i].Weight = each
	}
	return into
}

// words appends the parts of word intervals within [from, to).
func (x *transcript) words(into []features.Interval, only *segment, from, to time.Time) []features.Interval {
	for _, s := range x.segments {
		if only != nil && s != only || !s.overlaps(from, to) {
			continue
		}
		for _, w := range s.Words {
			if w.Start, w.End = later(from, w.Start), earlier(to, w.End); w.Start.Before(w.End) {
				into = append(into, w)
			}
		}
	}
	return into
}

func (s *segment) overlaps(from, to time.Time) bool { return s.Start.Before(to) && from.Before(s.End) }

// union returns how much time the intervals cover together, and sorts them.
func union(intervals []features.Interval) time.Duration {
	slices.SortFunc(intervals, func(a, b features.Interval) int { return a.Start.Compare(b.Start) })
	var sum time.Duration
	var covered time.Time
	for _, w := range intervals {
		if from := later(w.Start, covered); from.Before(w.End) {
			sum += w.End.Sub(from)
			covered = w.End
		}
	}
	return sum
}

// release gives back the Receipts of segments that end by the given time.
func (x *transcript) release(before time.Time) {
	for _, s := range x.segments {
		if !s.End.After(before) {
			s.Receipt.Release()
			s.Receipt = nil
		}
	}
}
