package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/internal/telemetry"
)

// spoken is a window with a second of sound.
func spoken(p *ingest.Participant, end int) *features.Window {
	w := windowAt(p, end)
	w.Start, w.From = w.End.Add(-8*time.Second), w.End.Add(-8*time.Second)
	for i := range 10 {
		at := w.End.Add(time.Duration(i-10) * 100 * time.Millisecond)
		w.Audio = append(w.Audio, features.Vector{Modality: ingest.Audio, Start: at, End: at.Add(100 * time.Millisecond), Values: make([]float32, 136)})
	}
	w.Streams[ingest.Audio] = features.Stream{Present: true, Coverage: .125}
	return w
}

func TestAModelIsReloadedBetweenTwoWindowsAndNoneIsLost(t *testing.T) {
	folder := t.TempDir()
	files, err := model.Default()
	require.NoError(t, err)
	require.NoError(t, os.CopyFS(folder, files))
	e, err := Open(EngineConfig{Model: folder, Batch: DefaultEngine().Batch}, telemetry.Nop())
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close(context.WithoutCancel(t.Context()))) }()

	stop := make(chan struct{})
	var scoring sync.WaitGroup
	for _, id := range []string{"a", "b", "c"} {
		who := person(t, id)
		scoring.Go(func() {
			for i := 10; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				_, failed := e.Score(t.Context(), spoken(who, i))
				assert.NoError(t, failed)
			}
		})
	}
	for range 3 {
		require.NoError(t, e.Reload(t.Context()))
	}
	close(stop)
	scoring.Wait()

	require.NoError(t, os.Truncate(filepath.Join(folder, model.FusionFile), 1000))
	require.Error(t, e.Reload(t.Context()), "a broken bundle is refused")
	_, err = e.Score(t.Context(), spoken(person(t, "a"), 10))
	require.NoError(t, err, "and the model stays")
}
