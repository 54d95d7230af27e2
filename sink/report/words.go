package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/valence-live/valence/ingest"
)

// neutral is the border of the neutral band: 0.5 on the MOSI scale of +-3.
const neutral = 1.0 / 6

// polarity is the word for a score.
func polarity(score float64) string {
	switch {
	case score > neutral:
		return "positive"
	case score < -neutral:
		return "negative"
	default:
		return "neutral"
	}
}

// words says what happens at a turn.
func (t turn) words() string {
	from, to := polarity(t.from), polarity(t.to)
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

// signed is a score as it is read out: a true minus, two decimals.
func signed(x float64) string {
	x = math.Round(x*100) / 100
	switch {
	case x > 0:
		return fmt.Sprintf("+%.2f", x)
	case x < 0:
		return fmt.Sprintf("\u2212%.2f", -x)
	default:
		return "0.00"
	}
}

func percent(share float64) string { return fmt.Sprintf("%.0f\u00a0%%", share*100) }

// clock is an offset into the call: 0:07, 12:34, 1:02:03.
func clock(seconds float64) string {
	s := int(max(seconds, 0))
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// lasting is a length of time: 9 s, 2 min 5 s, 1 h 3 min.
func lasting(seconds float64) string {
	switch s := int(math.Round(seconds)); {
	case s >= 3600:
		return fmt.Sprintf("%d h %d min", s/3600, s/60%60)
	case s >= 60 && s%60 == 0:
		return fmt.Sprintf("%d min", s/60)
	case s >= 60:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s == 0:
		return "less than 1 s"
	default:
		return fmt.Sprintf("%d s", s)
	}
}

// streamName is what a reader calls a stream.
func streamName(m ingest.Modality) string {
	switch m {
	case ingest.Text:
		return "Words"
	case ingest.Audio:
		return "Voice"
	case ingest.Video:
		return "Face"
	default:
		return m.String()
	}
}

// because says a reason in words that fit after a stream's name.
func because(r ingest.Reason) string {
	switch r {
	case ingest.ReasonMuted:
		return "switched off"
	case ingest.ReasonNoTrack:
		return "not sent"
	case ingest.ReasonNoFace:
		return "no face in the picture"
	case ingest.ReasonNoWords:
		return "nothing said"
	case ingest.ReasonNoSpeech:
		return "no speech"
	case ingest.ReasonLost:
		return "lost on the way"
	case ingest.ReasonNoConsent:
		return "no consent"
	case ingest.ReasonPolicy:
		return "left out on request"
	case ingest.ReasonShed:
		return "left out under load"
	case "":
		return "absent"
	default:
		return strings.ReplaceAll(string(r), "_", " ")
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

// listing joins names as a sentence does.
func listing(items []string) string {
	switch n := len(items); n {
	case 0:
		return ""
	case 1:
		return items[0]
	default:
		return strings.Join(items[:n-1], ", ") + " and " + items[n-1]
	}
}
