package audio

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
)

// FuzzExtract reads its input as a series of samples: whatever comes, time does
// not run backwards and numbers are finite.
func FuzzExtract(f *testing.F) {
	f.Add([]byte{0, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	f.Add([]byte{1, 200, 3, 250, 255, 255, 255, 255, 2, 9, 9, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		x, now, last := New(), epoch, time.Time{}
		emit := func(u features.Unit) {
			v, ok := u.(features.Vector)
			if !ok {
				return
			}
			if v.Start.Before(last) || !v.End.After(v.Start) || (v.Values == nil) == (v.Reason == "") {
				t.Fatalf("unsound vector %+v after %s", v, last)
			}
			last = v.End
			for i, n := range v.Values {
				if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
					t.Fatalf("number %d is %v", i, n)
				}
			}
		}
		for len(data) >= 8 {
			kind, move, bits := data[0], int8(data[1]), binary.LittleEndian.Uint32(data[2:6])
			length := int(binary.LittleEndian.Uint16(data[6:8])) % 5000
			data = data[8:]
			s := ingest.Sample{Time: now.Add(time.Duration(move) * 3 * time.Millisecond)}
			switch kind % 4 {
			case 0:
				pcm := make(ingest.PCM, length)
				for i := range pcm {
					pcm[i] = math.Float32frombits(bits)
					bits = bits*1664525 + 1013904223
				}
				s.Payload = pcm
			case 1:
				s.Payload = append(sine(length, float64(bits%5000), 0.3), make(ingest.PCM, length/2)...)
			case 2:
				s.Payload = ingest.Gap{End: s.Time}
			default:
				s.Payload = ingest.Progress{}
			}
			if err := x.Extract(s, emit); err != nil {
				t.Fatal(err)
			}
			if p, ok := s.Payload.(ingest.PCM); ok && s.Time.Add(p.Duration()).After(now) {
				now = s.Time.Add(p.Duration())
			}
		}
	})
}
