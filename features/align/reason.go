package align

import (
	"slices"
	"time"

	"github.com/valence-live/valence/ingest"
)

// reasons are listed in the order that settles a tie: what somebody decided
// says more than what went wrong, and that says more than what was not there.
var reasons = [...]ingest.Reason{
	ingest.ReasonNoConsent, ingest.ReasonPolicy, ingest.ReasonShed, ingest.ReasonMuted,
	ingest.ReasonLost, ingest.ReasonNoTrack,
	ingest.ReasonNoFace, ingest.ReasonNoSpeech, ingest.ReasonNoWords,
}

// tally is how much of a window each of the reasons explains.
type tally [len(reasons)]time.Duration

// add counts [from, to) for a reason. What has no name, or one that is not
// known here, was lost.
func (t *tally) add(why ingest.Reason, from, to time.Time) {
	if !from.Before(to) {
		return
	}
	i := slices.Index(reasons[:], why)
	if i < 0 {
		i = slices.Index(reasons[:], ingest.ReasonLost)
	}
	t[i] += to.Sub(from)
}

// most returns the reason that explains most, or otherwise if nothing needed
// an explanation.
func (t *tally) most(otherwise ingest.Reason) ingest.Reason {
	best, longest := otherwise, time.Duration(0)
	for i, d := range t {
		if d > longest {
			best, longest = reasons[i], d
		}
	}
	return best
}

// nothing is the reason of a stream that is there and holds too little.
func nothing(m ingest.Modality) ingest.Reason {
	switch m {
	case ingest.Text:
		return ingest.ReasonNoWords
	case ingest.Audio:
		return ingest.ReasonNoSpeech
	case ingest.Video:
		return ingest.ReasonNoFace
	default:
		return ingest.ReasonLost
	}
}
