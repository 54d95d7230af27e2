package align_test

import (
	"fmt"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/ingest"
)

func Example() {
	alice, err := ingest.NewParticipant("call-17", "alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := align.Default() // Limits: those of the model's bundle
	a, err := align.New(alice, cfg, func(w *features.Window) {
		fmt.Println(w.State, w.ID(), len(w.Audio), w.Streams[ingest.Text].Reason)
		w.Release() // once its score is published
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()

	start := time.Unix(0, 0)
	for i := range 15 { // for each Sample: Advance to its time, then push what its Extractor emits
		at := start.Add(time.Duration(i) * 100 * time.Millisecond)
		a.Advance(at)
		a.Push(features.Vector{
			Modality: ingest.Audio, Start: at, End: at.Add(100 * time.Millisecond), Values: make([]float32, 136),
		})
	}
	a.Flush() // at the end of the input
	// Output:
	// final call-17/alice/sliding/1000 10 no_track
	// final call-17/alice/sliding/2000 15 no_track
}
