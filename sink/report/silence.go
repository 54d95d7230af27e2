package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink/wording"
)

// Silence is a sliding window of a participant in which there was nothing to
// score. It has no event; without it the page shows a gap and cannot say why.
type Silence struct {
	Participant string
	Start, End  time.Time
	// Reasons say why each stream was absent, indexed by ingest.Modality.
	Reasons [ingest.NumModalities]ingest.Reason
}

// SilenceOf returns what a Window that has no Score says.
func SilenceOf(w *features.Window) Silence {
	s := Silence{Participant: w.Participant.ID(), Start: w.Start, End: w.End}
	for m, stream := range w.Streams {
		s.Reasons[m] = stream.Reason
	}
	return s
}

// silent reports whether there was nothing to score.
func (s sample) silent() bool { return s.Event == nil }

// absent returns why a stream is not in a sample, if it is not.
func (s sample) absent(m ingest.Modality) (why ingest.Reason, yes bool) {
	if s.silent() {
		return s.why[m], true
	}
	part := stream(s.Event, m)
	return part.Reason, !part.Present
}

// scored returns the runs that are the curve.
func scored(all []run) []run {
	return slices.DeleteFunc(slices.Clone(all), func(r run) bool { return r[0].silent() })
}

// missing says what took the streams from some samples: of each stream, what did
// for the longest.
func missing(samples ...sample) string {
	var most [ingest.NumModalities]ingest.Reason
	for _, m := range ingest.Modalities() {
		lost := map[ingest.Reason]float64{}
		for _, s := range samples {
			if why, yes := s.absent(m); yes {
				lost[why] += s.to - s.from
			}
		}
		if reasons := byLength(lost); len(reasons) > 0 {
			most[m] = reasons[0]
		}
	}
	return wording.Missing(most)
}

// byLength returns the reasons, the one that took the most time first.
func byLength(lost map[ingest.Reason]float64) []ingest.Reason {
	reasons := sortedKeys(lost)
	slices.SortStableFunc(reasons, func(a, b ingest.Reason) int { return cmp.Compare(lost[b], lost[a]) })
	return reasons
}

// stills cuts a silent run into parts that have the same reasons throughout.
func stills(r run) (parts []run) {
	from := 0
	for i := range r {
		if i+1 == len(r) || r[i+1].why != r[i].why {
			parts = append(parts, r[from:i+1])
			from = i + 1
		}
	}
	return parts
}
