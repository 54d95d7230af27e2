package audio

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
)

// TestVectorsAreThoseThatModelsWereTrainedOn fails when the numbers change. Then
// Spec needs a new version, and every model a new training; -update writes the
// file anew.
func TestVectorsAreThoseThatModelsWereTrainedOn(t *testing.T) {
	const path = "testdata/golden.json"
	pcm := voice(rand.New(rand.NewPCG(11, 12)), 2*ingest.AudioRate, 160)
	var got [][]float32
	for _, v := range vectors(extract(t, New(), pcm, 320)) {
		got = append(got, v.Values)
	}
	if *update {
		data, err := json.Marshal(got)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var want [][]float32
	require.NoError(t, json.Unmarshal(data, &want))
	require.Len(t, got, len(want))
	for i := range want {
		require.Len(t, got[i], len(want[i]), "step %d", i)
		require.InDeltaSlice(t, want[i], got[i], 1e-3, "step %d", i)
	}
}
