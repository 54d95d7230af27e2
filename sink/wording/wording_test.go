package wording_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink/wording"
)

func TestNumbersAreReadAsPeopleReadThem(t *testing.T) {
	assert.Equal(t, "+0.41", wording.Signed(0.4091))
	assert.Equal(t, "−0.10", wording.Signed(-0.1))
	assert.Equal(t, "0.00", wording.Signed(-0.001))
	for seconds, want := range map[float64]string{0.2: "less than 1 s", 9: "9 s", 60: "1 min", 125: "2 min 5 s", 3720: "1 h 2 min"} {
		assert.Equal(t, want, wording.Lasting(seconds))
	}
	for seconds, want := range map[float64]string{-1: "0:00", 7.9: "0:07", 754: "12:34", 3723: "1:02:03"} {
		assert.Equal(t, want, wording.Clock(seconds))
	}
	assert.Equal(t, "a, b and c", wording.Listing([]string{"a", "b", "c"}))
	assert.Empty(t, wording.Listing(nil))
	for score, want := range map[float64]string{-1: "negative", -0.1: "neutral", 0.5: "positive"} {
		assert.Equal(t, want, wording.Polarity(score))
	}
	assert.Equal(t, "62\u00a0%", wording.Percent(0.6249))
}

func TestEveryReasonAndStreamHasWords(t *testing.T) {
	for _, r := range []ingest.Reason{
		ingest.ReasonMuted, ingest.ReasonNoTrack, ingest.ReasonNoFace, ingest.ReasonNoWords, ingest.ReasonNoSpeech,
		ingest.ReasonLost, ingest.ReasonNoConsent, ingest.ReasonPolicy, ingest.ReasonShed,
	} {
		assert.NotContains(t, wording.Because(r), "_")
	}
	assert.Equal(t, "solar flare", wording.Because("solar_flare"), "a reader may meet a reason that it does not know")
	assert.Equal(t, "absent", wording.Because(""))
	for m, want := range map[ingest.Modality]string{ingest.Text: "Words", ingest.Audio: "Voice", ingest.Video: "Face"} {
		assert.Equal(t, want, wording.Stream(m))
	}
	assert.NotEmpty(t, wording.Stream(9))
}

func TestWhatIsMissingIsSaidInOneBreath(t *testing.T) {
	for want, why := range map[string][ingest.NumModalities]ingest.Reason{
		"":                             {},
		"no speech, face switched off": {ingest.ReasonNoSpeech, ingest.ReasonNoSpeech, ingest.ReasonMuted},
		"nothing said, no speech, no face in the picture": {ingest.ReasonNoWords, ingest.ReasonNoSpeech, ingest.ReasonNoFace},
		"words and face not sent, voice switched off":     {ingest.ReasonNoTrack, ingest.ReasonMuted, ingest.ReasonNoTrack},
		"words, voice and face no consent":                {ingest.ReasonNoConsent, ingest.ReasonNoConsent, ingest.ReasonNoConsent},
		"voice lost on the way":                           {"", ingest.ReasonLost, ""},
	} {
		assert.Equal(t, want, wording.Missing(why))
	}
}
