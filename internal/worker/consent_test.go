package worker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/sink/memory"
)

// A consent may come long before anything else.
func TestACallOfWhichOnlyAConsentHasComeIsWaitedFor(t *testing.T) {
	engine := openEngine(t)
	j := produced(t, wire.Protobuf, true)
	store := memory.New(memory.Default())
	lane, err := newWorker(t, engine, store, nil).Open(t.Context(), 0, &archive{values: map[string][]byte{}})
	require.NoError(t, err)
	for i, r := range j.records {
		require.NoError(t, lane.Handle(t.Context(), r))
		if i < 3 {
			require.NoError(t, lane.Tick(time.Unix(2e9, 0)))
			_, err := lane.Checkpoint(t.Context())
			require.NoError(t, err)
		}
	}
	require.NoError(t, lane.Close())
	equal(t, replayed(t, engine), store.Session("demo"), announced)
}
