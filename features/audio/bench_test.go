package audio

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// BenchmarkExtract reports the cost of one second of speech in chunks of 20 ms.
func BenchmarkExtract(b *testing.B) {
	pcm := voice(rand.New(rand.NewPCG(1, 2)), 10*ingest.AudioRate, 140)
	x := New()
	at := time.Unix(0, 0)
	speech := 0
	emit := func(u features.Unit) {
		if v, ok := u.(features.Vector); ok && v.Values != nil {
			speech++
		}
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		for range 50 {
			if err := x.Extract(ingest.Sample{Time: at, Payload: pcm[i : i+320]}, emit); err != nil {
				b.Fatal(err)
			}
			at = at.Add(20 * time.Millisecond)
			i = (i + 320) % len(pcm)
		}
	}
	b.ReportMetric(float64(speech)/float64(b.N), "speech_steps/op")
}
