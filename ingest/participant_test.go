package ingest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
)

func alice(t *testing.T) *ingest.Participant {
	t.Helper()
	p, err := ingest.NewParticipant("call", "alice")
	require.NoError(t, err)
	return p
}

func TestNothingMayBeAnalysedBeforeItIsAgreedTo(t *testing.T) {
	p := alice(t)
	for _, m := range ingest.Modalities() {
		assert.Equal(t, ingest.ReasonNoConsent, p.Refusal(m))
		assert.False(t, p.Consents(m))
	}
	p.Grant(ingest.Audio)
	assert.True(t, p.Consents(ingest.Audio))
	assert.False(t, p.Consents(ingest.Video))
	p.Revoke(ingest.Audio)
	assert.False(t, p.Consents(ingest.Audio))
}

func TestAtWorkAndInEducationOnlyWordsMayBeAnalysed(t *testing.T) {
	for _, purpose := range []ingest.Purpose{ingest.Workplace, ingest.Education} {
		p := alice(t)
		p.Restrict(purpose)
		p.Grant(ingest.Text, ingest.Audio, ingest.Video)
		assert.Empty(t, p.Refusal(ingest.Text))
		assert.Equal(t, ingest.ReasonPolicy, p.Refusal(ingest.Audio))
		assert.Equal(t, ingest.ReasonPolicy, p.Refusal(ingest.Video))
		assert.True(t, p.Agreed(ingest.Video), "what the person said is kept")
		p.Restrict(ingest.General)
		assert.Empty(t, p.Refusal(ingest.Video))
	}
}

func TestOnlyALossOfRightsIsCounted(t *testing.T) {
	p := alice(t)
	p.Grant(ingest.Text, ingest.Video)
	p.Revoke(ingest.Audio) // was never granted
	assert.Zero(t, p.Losses())
	p.Revoke(ingest.Text)
	assert.EqualValues(t, 1, p.Losses())
	p.Grant(ingest.Text)
	p.Restrict(ingest.Workplace)
	assert.EqualValues(t, 2, p.Losses())
	p.Revoke(ingest.Video) // the purpose had refused it
	assert.EqualValues(t, 2, p.Losses())
}

func TestAnUnknownPurposeIsRefusedWithWhatThereIs(t *testing.T) {
	_, err := ingest.ParsePurpose("hiring")
	require.ErrorIs(t, err, ingest.ErrPurpose)
	require.ErrorContains(t, err, "general, workplace or education")
	purpose, err := ingest.ParsePurpose("education")
	require.NoError(t, err)
	assert.Equal(t, ingest.Education, purpose)
}

func TestATrackTellsTheWidthOfTheFaceOnceItIsKnown(t *testing.T) {
	track := &ingest.Track{Participant: alice(t), Modality: ingest.Video}
	_, known := track.Face()
	assert.False(t, known)
	track.SawFace(0.25)
	share, known := track.Face()
	assert.True(t, known)
	assert.InDelta(t, 0.25, share, 1e-3)
	track.SawFace(0)
	share, known = track.Face()
	assert.True(t, known)
	assert.Zero(t, share)
}
