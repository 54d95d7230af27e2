package align

import (
	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// before adds up what was said before a window.
type before struct {
	tokens  []features.Vector // of a segment that lies only in part there
	sum     []float64         // of the vectors, each by what it stands for
	seconds float64
}

// addBefore gives the text of a window its context: whatever the participant
// said in the time before it, by the same rule as what is said in it.
//
// The window holds no Receipts of that: what is kept longer than a window's own
// stretch is found again by time (docs/decisions/011). Nor is it corrected when
// its context alone changes.
func (a *Aligner) addBefore(w *features.Window) {
	if !w.Streams[ingest.Text].Present {
		return
	}
	b := &a.scratch.before
	b.sum, b.seconds = b.sum[:0], 0
	from, to := w.From.Add(-a.cfg.Context), w.From
	for _, s := range a.text.segments {
		switch {
		case !s.overlaps(from, to):
		case s.Start.Before(from) || s.End.After(to):
			b.tokens = s.pick(b.tokens[:0], from, to)
			for i := range b.tokens {
				b.add(b.tokens[i].Values, float64(b.tokens[i].Weight))
			}
		default:
			if said := s.said(); said != nil {
				b.add(said, max(leastOverlap, s.End.Sub(s.Start)).Seconds())
			}
		}
	}
	w.Before = b.mean()
}

func (b *before) add(values []float32, seconds float64) {
	if more := len(values) - len(b.sum); more > 0 {
		b.sum = append(b.sum, make([]float64, more)...)
	}
	sum := b.sum[:len(values)]
	for i, x := range values {
		sum[i] += seconds * float64(x)
	}
	b.seconds += seconds
}

func (b *before) mean() features.Before {
	if b.seconds == 0 {
		return features.Before{}
	}
	values := make([]float32, len(b.sum))
	for i, x := range b.sum {
		values[i] = float32(x / b.seconds)
	}
	return features.Before{Values: values, Seconds: float32(b.seconds)}
}

// said returns the mean of the segment's tokens, nil if it has none. It is the
// same for every window before which the whole segment was said, so it is kept.
func (s *segment) said() []float32 {
	if s.mean == nil {
		var b before
		for i := range s.Tokens {
			if s.Tokens[i].Values != nil {
				b.add(s.Tokens[i].Values, 1)
			}
		}
		s.mean = b.mean().Values
	}
	return s.mean
}
