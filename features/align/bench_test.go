package align_test

import (
	"testing"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/ingest"
)

// BenchmarkSecondOfCall aligns one second of a call with all three streams: 15
// vectors, the marks and ticks between them, one window, and every 3 s a
// sentence with its utterance.
func BenchmarkSecondOfCall(b *testing.B) {
	var windows int
	a := newAligner(b, align.Default(), func(w *features.Window) { windows++; w.Release() })
	values, vector := make([]float32, 136), make([]float32, 384)
	units := make([]features.Unit, 0, 20)
	second := 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		units = units[:0]
		if second%3 == 0 {
			s := sentence(time.Duration(second).String(), time.Duration(second)*time.Second, time.Duration(second+2)*time.Second, 10)
			for i := range s.Tokens {
				s.Tokens[i].Values = vector
			}
			units = append(units, s)
		}
		for i := range 10 {
			at := time.Duration(second)*time.Second + time.Duration(i)*100*time.Millisecond
			v := speech(at)
			v.Values = values
			units = append(units, v)
			if i%2 == 0 {
				v.Modality, v.End = ingest.Video, v.Start.Add(200*time.Millisecond)
				units = append(units, v)
			}
		}
		units = append(units, features.Mark{Modality: ingest.Text, Time: after(time.Duration(second+1) * time.Second)})
		second++
		b.StartTimer()
		for _, u := range units {
			a.Push(u)
			a.Advance(after(time.Duration(second) * time.Second))
		}
	}
	b.ReportMetric(float64(windows)/float64(b.N), "windows/op")
}

// BenchmarkPush is one step between two windows.
func BenchmarkPush(b *testing.B) {
	a := newAligner(b, align.Default(), func(w *features.Window) { w.Release() })
	a.Push(features.Mark{Modality: ingest.Video, Time: after(0)}) // nothing becomes final
	values := make([]float32, 136)
	const kept = 400
	units := make([]features.Unit, kept)
	for i := range units {
		v := speech(time.Duration(i) * 100 * time.Millisecond)
		v.Values = values
		units[i] = v
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if n == kept {
			b.StopTimer()
			a = newAligner(b, align.Default(), func(w *features.Window) { w.Release() })
			a.Push(features.Mark{Modality: ingest.Video, Time: after(0)})
			n = 0
			b.StartTimer()
		}
		a.Push(units[n])
		n++
	}
}
