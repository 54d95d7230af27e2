package report

import (
	"time"

	"github.com/valence-live/valence/sink/wording"
)

// words says what happens at a turn.
func (t turn) words() string {
	from, to := wording.Polarity(t.from), wording.Polarity(t.to)
	rises := t.to > t.from
	switch {
	case from != to && to == "neutral":
		return "settles to neutral"
	case from != to:
		return "turns " + to
	case rises == (to == "positive"):
		return "grows more " + to
	default:
		return "grows less " + to
	}
}

// begun says when a call began, or that nobody knows: a replay without a
// creation time starts at the Unix epoch.
func begun(t time.Time) string {
	if t.Unix() >= 0 && t.Year() == 1970 {
		return "not recorded"
	}
	return t.UTC().Format("2 January 2006, 15:04:05 UTC")
}
