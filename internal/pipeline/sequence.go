package pipeline

import (
	"cmp"
	"container/heap"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// sequence puts the final and corrected windows of one call into the order (window end,
// participant), in which the call's rolling value is defined. A window waits
// until no participant can still close an earlier one. Not for concurrent use.
type sequence struct {
	waiting  windowHeap
	position map[*ingest.Participant]time.Time // end of the newest sliding window
}

func newSequence() *sequence {
	return &sequence{position: make(map[*ingest.Participant]time.Time)}
}

// push adds a window. A sliding window says how far its participant has come.
func (s *sequence) push(w *features.Window) {
	if at, ok := s.position[w.Participant]; w.Kind == features.Sliding && (!ok || w.End.After(at)) {
		s.position[w.Participant] = w.End
	}
	heap.Push(&s.waiting, w)
}

// leave takes a participant out: nobody waits for them any more.
func (s *sequence) leave(p *ingest.Participant) { delete(s.position, p) }

// pop returns the next window whose turn has come, or nil.
func (s *sequence) pop() *features.Window {
	if len(s.waiting) == 0 {
		return nil
	}
	end := s.waiting[0].End
	for _, at := range s.position {
		if at.Before(end) {
			return nil
		}
	}
	w, _ := heap.Pop(&s.waiting).(*features.Window) // the heap holds nothing else
	return w
}

// windowHeap orders by window end, participant, then sliding before utterance
// and lower revision first, so that the order is total.
type windowHeap []*features.Window

func (h windowHeap) Len() int      { return len(h) }
func (h windowHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *windowHeap) Push(x any) {
	w, _ := x.(*features.Window) // from sequence.push alone
	*h = append(*h, w)
}

func (h *windowHeap) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return w
}

func (h windowHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	return cmp.Or(
		a.End.Compare(b.End),
		cmp.Compare(a.Participant.ID(), b.Participant.ID()),
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Segment, b.Segment),
		cmp.Compare(a.Revision, b.Revision),
	) < 0
}
