package features_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

func TestAWindowHasTheSameIDInEveryRun(t *testing.T) {
	alice, err := ingest.NewParticipant("call-17", "alice")
	require.NoError(t, err)
	end := time.Date(2024, 11, 23, 7, 0, 12, 0, time.FixedZone("elsewhere", 3600))
	w := features.Window{Participant: alice, Kind: features.Sliding, End: end}
	assert.Equal(t, "call-17/alice/sliding/1732341612000", w.ID())
	w.State, w.Revision, w.Start = features.Corrected, 3, end.Add(-time.Second)
	assert.Equal(t, "call-17/alice/sliding/1732341612000", w.ID())
	w.Kind, w.Segment = features.Utterance, "cue-4"
	assert.Equal(t, "call-17/alice/utterance/cue-4", w.ID())
}

func TestAWindowIsEmptyUntilAStreamIsPresent(t *testing.T) {
	for _, m := range ingest.Modalities() {
		var w features.Window
		assert.True(t, w.Empty())
		w.Streams[m].Present = true
		assert.False(t, w.Empty(), "%s", m)
	}
}

func TestReleaseGivesBackEveryReceipt(t *testing.T) {
	var w features.Window
	w.Release()
	n := 0
	w.Receipts = []*ingest.Receipt{ingest.NewReceipt(func() { n++ }), nil, ingest.NewReceipt(func() { n++ })}
	w.Release()
	assert.Equal(t, 2, n)
}
