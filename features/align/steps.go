package align

import (
	"slices"
	"time"

	"github.com/valence-live/valence/features"
)

// maxSteps bounds the vectors kept of a track: four times what the longest
// settings keep at 10 Hz.
const maxSteps = 8192

// steps are the vectors of an audio or video track that a window may still
// need, in order of Start.
type steps struct{ all []features.Vector }

// insert puts a vector in its place and owns its Receipt. It refuses one that
// begins with another.
func (s *steps) insert(v features.Vector) bool {
	i := len(s.all)
	for i > 0 && s.all[i-1].Start.After(v.Start) {
		i--
	}
	if i > 0 && s.all[i-1].Start.Equal(v.Start) {
		return false
	}
	s.all = slices.Insert(s.all, i, v)
	return true
}

// between returns the vectors that begin in [from, to). The result is valid
// until the next change.
func (s *steps) between(from, to time.Time) []features.Vector {
	return s.all[s.search(from):s.search(to)]
}

// search returns the index of the first vector that does not begin before t.
func (s *steps) search(t time.Time) int {
	i, _ := slices.BinarySearchFunc(s.all, t, func(v features.Vector, t time.Time) int { return v.Start.Compare(t) })
	return i
}

// release gives back the Receipts of what begins before the given time.
func (s *steps) release(before time.Time) {
	for i := range s.all[:s.search(before)] {
		s.all[i].Receipt.Release()
		s.all[i].Receipt = nil
	}
}

// forget drops what begins before the given time, some of it later: the buffer
// is moved only once a quarter of it is old.
func (s *steps) forget(before time.Time) {
	if n := s.search(before); n > len(s.all)/4 {
		s.drop(n)
	}
}

// drop removes the n oldest.
func (s *steps) drop(n int) {
	for i := range s.all[:n] {
		s.all[i].Receipt.Release()
	}
	s.all = slices.Delete(s.all, 0, n)
}
