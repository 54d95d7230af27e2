package align

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

func TestMemoryDoesNotGrowWithTheCall(t *testing.T) {
	p, err := ingest.NewParticipant("call", "alice")
	require.NoError(t, err)
	a, err := New(p, Default(), func(w *features.Window) { w.Release() })
	require.NoError(t, err)
	start := time.Unix(1_700_000_000, 0)
	var steps, segments, gaps, records int
	for i := range 6000 { // ten minutes
		at := start.Add(time.Duration(i) * 100 * time.Millisecond)
		a.Advance(at)
		a.Push(features.Vector{Modality: ingest.Audio, Start: at, End: at.Add(100 * time.Millisecond), Values: []float32{1}})
		if i%20 == 0 {
			a.Push(features.Segment{ID: at.String(), Start: at, End: at.Add(time.Second), Final: true})
			a.Push(features.Mark{Modality: ingest.Video, Time: at, Reason: reasons[i/20%2]})
		}
		steps, segments = max(steps, len(a.steps[ingest.Audio].all)), max(segments, len(a.text.segments))
		gaps, records = max(gaps, len(a.tracks[ingest.Video].gaps)), max(records, len(a.done))
	}
	// What a correction may need: 30 s, the longest window, the lateness, a hop; steps with a third more, text with the context.
	const kept, before = 30 + 12.8 + 2 + 2, 30
	assert.Less(t, float64(steps), kept*10*4/3+1)
	assert.Less(t, float64(segments), (kept+before)/2+1)
	assert.Less(t, float64(gaps), kept/2+1)
	assert.LessOrEqual(t, records, 30)
}
