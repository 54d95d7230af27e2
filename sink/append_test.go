package sink_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

// plainly is what encoding/json makes of an event.
func plainly(e *sink.Event) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(e)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func TestAnEventIsEncodedAsItsTagsSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a", "<&>\u2028\u007f\"\\\n\x00", "\xff\xfe", "😀"}))
		number := rapid.Custom(func(t *rapid.T) sink.Number { return sink.Number(rapid.Float64().Draw(t, "x")) })
		duration := rapid.Custom(func(t *rapid.T) sink.Duration { return sink.Duration(rapid.Int64().Draw(t, "ns")) })
		instant := rapid.Custom(func(t *rapid.T) time.Time {
			zone := time.FixedZone("", rapid.IntRange(-14*3600, 14*3600).Draw(t, "zone"))
			return time.Unix(rapid.Int64Range(-7e10, 3e11).Draw(t, "s"), rapid.Int64Range(0, 1e9).Draw(t, "ns")).In(zone)
		})
		modality := rapid.Custom(func(t *rapid.T) sink.Modality {
			m := sink.Modality{Present: rapid.Bool().Draw(t, "present"), Coverage: number.Draw(t, "coverage"), Reason: ingest.Reason(text.Draw(t, "reason"))}
			if rapid.Bool().Draw(t, "scored") {
				score, weight := number.Draw(t, "score"), number.Draw(t, "weight")
				m.Score, m.Weight = &score, &weight
			}
			if rapid.Bool().Draw(t, "leans") {
				m.Context = duration.Draw(t, "context")
			}
			return m
		})
		e := &sink.Event{
			ID: text.Draw(t, "id"), Revision: rapid.Int().Draw(t, "revision"), State: features.State(text.Draw(t, "state")),
			Session: text.Draw(t, "session"), Participant: text.Draw(t, "participant"),
			Window:        sink.Window{Kind: rapid.SampledFrom([]features.Kind{features.Sliding, features.Utterance}).Draw(t, "kind"), Start: instant.Draw(t, "start"), End: instant.Draw(t, "end")},
			Score:         number.Draw(t, "score"),
			Polarity:      text.Draw(t, "polarity"),
			Probabilities: sink.Probabilities{Negative: number.Draw(t, "-"), Neutral: number.Draw(t, "0"), Positive: number.Draw(t, "+")},
			Interval:      sink.Interval{Level: number.Draw(t, "level"), Low: number.Draw(t, "low"), High: number.Draw(t, "high")},
			Rolling: sink.Rolling{
				Participant: number.Draw(t, "own"), Session: number.Draw(t, "all"), HalfLife: duration.Draw(t, "half-life"),
				Mass: number.Draw(t, "mass"), SessionMass: number.Draw(t, "mass of all"),
			},
			Modalities: sink.Modalities{Text: modality.Draw(t, "text"), Audio: modality.Draw(t, "audio"), Video: modality.Draw(t, "video")},
			Clock:      sink.Clock{Source: ingest.ClockSource(text.Draw(t, "source")), ErrorBound: duration.Draw(t, "bound")},
			Latency: sink.Latency{
				Window: duration.Draw(t, "window"), Queue: duration.Draw(t, "queue"),
				Inference: duration.Draw(t, "inference"), Publish: duration.Draw(t, "publish"),
			},
			Model:       sink.Model{Name: text.Draw(t, "name"), Version: text.Draw(t, "version"), Contract: text.Draw(t, "contract")},
			Traceparent: text.Draw(t, "traceparent"),
		}
		want, refused := plainly(e)
		got, err := sink.Encode(e)
		require.Equal(t, refused != nil, err != nil, "%v, %v", refused, err)
		if err == nil {
			require.Equal(t, string(want), string(got))
		}
	})
}

func TestWhatJSONCannotHoldIsRefused(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		e := event(t)
		e.Modalities.Audio.Coverage = sink.Number(x)
		_, err := sink.Encode(e)
		require.ErrorIs(t, err, sink.ErrNumber)
		require.ErrorContains(t, err, e.ID)
	}
	for _, year := range []int{-1, 10000} {
		e := event(t)
		e.Window.Start = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		_, err := sink.Encode(e)
		require.ErrorContains(t, err, "year")
		_, err = plainly(e)
		require.Error(t, err)
	}
	long := event(t)
	long.ID = strings.Repeat("x", 4000)
	want, err := plainly(long)
	require.NoError(t, err)
	got, err := sink.Encode(long)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func BenchmarkEncode(b *testing.B) {
	e := &sink.Event{ID: "call-17/alice/sliding/1732350012000", Session: "call-17", Participant: "alice", Score: 0.41}
	for name, encode := range map[string]func(*sink.Event) ([]byte, error){"text": sink.Encode, "reflection": plainly} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, err := encode(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
