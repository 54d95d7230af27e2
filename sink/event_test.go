package sink_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
)

var update = flag.Bool("update", false, "write the golden files anew")

// score is the example of the event's documentation: a muted camera.
func score(t *testing.T) inference.Score {
	t.Helper()
	alice, err := ingest.NewParticipant("call-17", "alice")
	require.NoError(t, err)
	end := time.Date(2024, 11, 23, 8, 20, 12, 0, time.FixedZone("CET", 3600))
	return inference.Score{
		Window: &features.Window{
			Participant: alice, Kind: features.Sliding, Start: end.Add(-8 * time.Second), End: end,
			State: features.Final, Revision: 1,
			Streams: [ingest.NumModalities]features.Stream{
				ingest.Text:  {Present: true, Coverage: 0.9},
				ingest.Audio: {Present: true, Coverage: 1},
				ingest.Video: {Reason: ingest.ReasonMuted},
			},
			Clock: ingest.Clock{Source: ingest.ClockContainer, ErrorBound: 16666667 * time.Nanosecond},
		},
		Value: 0.410049, Polarity: inference.Positive,
		Probabilities: [inference.NumPolarities]float64{0.08, 0.31, 0.61},
		Interval:      inference.Interval{Level: 0.9, Low: -0.1, High: 0.86},
		Streams: [ingest.NumModalities]inference.Contribution{
			ingest.Text:  {Value: 0.55, Weight: 0.7126},
			ingest.Audio: {Value: -0.00001, Weight: 0.2874},
		},
		Context: 21400 * time.Millisecond,
		Model:   inference.Model{Name: "valence-text-guided-d64", Version: "0.1.0", Contract: "sha256:00ff"},
		Queue:   3 * time.Millisecond, Inference: 4123456 * time.Nanosecond,
	}
}

func event(t *testing.T) *sink.Event {
	t.Helper()
	e := sink.New(score(t))
	e.Rolling = sink.Rolling{
		Participant: 0.22, Session: 0.1, HalfLife: sink.Duration(20 * time.Second), Mass: 7.5, SessionMass: 11.25,
	}
	e.Latency.Window, e.Latency.Publish = sink.Duration(900*time.Millisecond), sink.Duration(999*time.Nanosecond)
	e.Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	return e
}

func TestAnEventIsPrintedAsTheSchemaSays(t *testing.T) {
	line, err := sink.Encode(event(t))
	require.NoError(t, err)
	golden := filepath.Join("testdata", "event.json")
	if *update {
		require.NoError(t, os.WriteFile(golden, append(line, '\n'), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, strings.TrimSuffix(string(want), "\n"), string(line))
}

func TestAnEventReadBackIsTheSameEvent(t *testing.T) {
	e := event(t)
	line, err := sink.Encode(e)
	require.NoError(t, err)
	back, err := sink.Decode(line)
	require.NoError(t, err)
	assert.Equal(t, e.Repeatable(), func() sink.Event {
		r := back.Repeatable()
		r.Clock.ErrorBound = e.Clock.ErrorBound // durations alone are rounded when printed
		return r
	}())
	again, err := sink.Encode(back)
	require.NoError(t, err)
	assert.Equal(t, string(line), string(again))
}

func TestAReaderIgnoresFieldsThatItDoesNotKnow(t *testing.T) {
	line, err := sink.Encode(event(t))
	require.NoError(t, err)
	grown := strings.Replace(string(line), `"score":`, `"mood":{"later":[1,2]},"score":`, 1)
	back, err := sink.Decode([]byte(grown))
	require.NoError(t, err)
	assert.InDelta(t, 0.41, float64(back.Score), 0)
}

func TestAnAbsentStreamHasAReasonAndNoNumbers(t *testing.T) {
	e := sink.New(score(t))
	assert.Equal(t, sink.Modality{Reason: ingest.ReasonMuted}, e.Modalities.Video)
	line, err := sink.Encode(e)
	require.NoError(t, err)
	assert.Contains(t, string(line), `"video":{"present":false,"coverage":0.0000,"reason":"muted"}`)
}

func TestContextIsSaidOfTextThatHasSome(t *testing.T) {
	s := score(t)
	assert.Equal(t, sink.Duration(21400*time.Millisecond), sink.New(s).Modalities.Text.Context)
	s.Context = 0
	line, err := sink.Encode(sink.New(s))
	require.NoError(t, err)
	assert.NotContains(t, string(line), "context")
	s.Context = time.Second
	s.Window.Streams[ingest.Text] = features.Stream{Reason: ingest.ReasonNoWords}
	assert.Equal(t, sink.Modality{Reason: ingest.ReasonNoWords}, sink.New(s).Modalities.Text)
}

func TestAnUtteranceKeepsTheIDOfItsCue(t *testing.T) {
	s := score(t)
	s.Window.Kind, s.Window.Segment = features.Utterance, "intro%2F1-2"
	assert.Equal(t, "call-17/alice/utterance/intro%2F1-2", sink.New(s).ID)
}

func TestIDsAreNotEscapedForHTML(t *testing.T) {
	e := event(t)
	e.ID, e.Session = "<a>&b/…", "<a>&b"
	line, err := sink.Encode(e)
	require.NoError(t, err)
	assert.Contains(t, string(line), `"id":"<a>&b/…"`)
}

func TestOnlyLatencyAndTraceMayDifferBetweenRuns(t *testing.T) {
	a, b := event(t), event(t)
	b.Latency, b.Traceparent = sink.Latency{Queue: 5}, ""
	assert.Equal(t, a.Repeatable(), b.Repeatable())
	b.Score = 0.4101
	assert.NotEqual(t, a.Repeatable(), b.Repeatable())
}

func TestNumbersHaveFourDecimals(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0.0000", 1: "1.0000", -0.00004: "0.0000", 0.00005: "0.0001", -0.12344: "-0.1234", 12345.6: "12345.6000",
	} {
		got, err := json.Marshal(sink.Number(x))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		_, err := json.Marshal(sink.Number(x))
		require.ErrorIs(t, err, sink.ErrNumber)
	}
}

func TestDurationsAreShortAndNeverTooSmall(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1: "1µs", 999 * time.Nanosecond: "1µs", 4123456: "4.124ms", 16666667: "16.67ms",
		20 * time.Second: "20s", 1234567890: "1.235s", math.MaxInt64: "2562047h47m16.854s", -1500: "-1µs",
	} {
		got, err := sink.Duration(d).MarshalText()
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	var d sink.Duration
	require.Error(t, d.UnmarshalText([]byte("soon")))
}

func TestEventsCountByWindowEndThenParticipant(t *testing.T) {
	later, bob, other := event(t), event(t), event(t)
	later.Window.End = later.Window.End.Add(time.Second)
	bob.Participant = "bob"
	other.ID += "x"
	for _, next := range []*sink.Event{later, bob, other} {
		assert.Negative(t, sink.Compare(event(t), next))
		assert.Positive(t, sink.Compare(next, event(t)))
	}
	assert.Zero(t, sink.Compare(event(t), event(t)))
}

func TestAnyScoreMakesAnEventThatReadsBackTheSame(t *testing.T) {
	base := score(t)
	rapid.Check(t, func(t *rapid.T) {
		s := base
		w := *base.Window
		w.End = time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "end"))
		w.Start = w.End.Add(-time.Duration(rapid.Int64Range(1, 1e11).Draw(t, "length")))
		w.Clock.ErrorBound = 0
		s.Window, s.Queue, s.Inference = &w, 0, 0
		number := rapid.Float64Range(-1, 1)
		s.Value, s.Interval.Low, s.Interval.High = number.Draw(t, "score"), number.Draw(t, "low"), number.Draw(t, "high")
		for _, m := range ingest.Modalities() {
			w.Streams[m].Present = rapid.Bool().Draw(t, "present")
			s.Streams[m] = inference.Contribution{Value: number.Draw(t, "stream"), Weight: number.Draw(t, "weight")}
		}
		e := sink.New(s)
		line, err := sink.Encode(e)
		require.NoError(t, err)
		back, err := sink.Decode(line)
		require.NoError(t, err)
		assert.Equal(t, e, back)
	})
}

func FuzzDecode(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "event.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte(`{"score":1e300,"rolling":{"half_life":"1h"},"window":{"start":"2024-01-01T00:00:00+14:00"}}`))
	f.Add([]byte(`{"id":"\ud800","clock":{"error_bound":"-1ns"}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := sink.Decode(line)
		if err != nil {
			return
		}
		once, err := sink.Encode(e)
		if err != nil {
			return
		}
		back, err := sink.Decode(once)
		require.NoError(t, err, "what was encoded can be decoded")
		twice, err := sink.Encode(back)
		require.NoError(t, err)
		assert.Equal(t, string(once), string(twice))
	})
}
