// Package wording says scores, times and reasons as people read them: the
// report and the terminal use the same words.
package wording

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/valence-live/valence/ingest"
)

// neutral is the border of the neutral band: 0.5 on the MOSI scale of +-3.
const neutral = 1.0 / 6

// Polarity is the word for a score.
func Polarity(score float64) string {
	switch {
	case score > neutral:
		return "positive"
	case score < -neutral:
		return "negative"
	default:
		return "neutral"
	}
}

// Signed is a score as it is read out: a true minus, two decimals.
func Signed(x float64) string {
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

// Percent is a share in whole percents.
func Percent(share float64) string { return fmt.Sprintf("%.0f\u00a0%%", share*100) }

// Clock is an offset into the call: 0:07, 12:34, 1:02:03.
func Clock(seconds float64) string {
	s := int(max(seconds, 0))
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Lasting is a length of time: 9 s, 2 min 5 s, 1 h 3 min.
func Lasting(seconds float64) string {
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

// Stream is what a reader calls a stream.
func Stream(m ingest.Modality) string {
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

// Because says a reason in words that fit after a stream's name.
func Because(r ingest.Reason) string {
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

// Missing says why each stream is absent, for a place that does not name them:
// "no speech, face switched off". Streams without a reason are left out.
func Missing(why [ingest.NumModalities]ingest.Reason) string {
	var said []string
	for i, r := range why {
		if r == "" || slices.Contains(why[:i], r) { // said with the first
			continue
		}
		if r == ingest.ReasonNoFace || r == ingest.ReasonNoWords || r == ingest.ReasonNoSpeech { // which name the stream
			said = append(said, Because(r))
			continue
		}
		var streams []string
		for m, other := range why {
			if other == r {
				streams = append(streams, strings.ToLower(Stream(ingest.Modality(m))))
			}
		}
		said = append(said, Listing(streams)+" "+Because(r))
	}
	return strings.Join(said, ", ")
}

// Listing joins names as a sentence does.
func Listing(items []string) string {
	switch n := len(items); n {
	case 0:
		return ""
	case 1:
		return items[0]
	default:
		return strings.Join(items[:n-1], ", ") + " and " + items[n-1]
	}
}
