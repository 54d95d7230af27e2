package eventpb_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/eventpb"
	"github.com/valence-live/valence/sink/rolling"
	"github.com/valence-live/valence/sink/sinktest"
)

func forms() []wire.Form { return []wire.Form{wire.JSON, wire.Protobuf} }

func line(t require.TestingT, e *sink.Event) string {
	text, err := sink.Encode(e)
	require.NoError(t, err)
	return string(text)
}

func TestAnEventSaysTheSameInEitherForm(t *testing.T) {
	for _, e := range sinktest.NewCall("call", 60).Events {
		for _, form := range forms() {
			r, err := eventpb.Encode(e, form, "/valence")
			require.NoError(t, err)
			back, err := eventpb.Decode(r)
			require.NoError(t, err)
			require.Equal(t, line(t, e), line(t, back), form)
		}
	}
}

func TestWhatIsFinerThanPrintedIsRoundedAlikeInBothForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := sinktest.Event("call", "alice", 1)
		e.Score = sink.Number(rapid.Float64().Draw(t, "score"))
		e.Rolling.Mass = sink.Number(rapid.Float64Range(-10, 1e6).Draw(t, "mass"))
		e.Modalities.Text.Context = sink.Duration(rapid.Int64().Draw(t, "context"))
		e.Clock.ErrorBound = sink.Duration(rapid.Int64().Draw(t, "bound"))
		e.Window.End = time.Unix(rapid.Int64Range(0, 1e11).Draw(t, "second"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanosecond"))
		r, err := eventpb.Encode(e, wire.Protobuf, "/valence")
		require.NoError(t, err)
		back, err := eventpb.Decode(r)
		require.NoError(t, err)
		assert.Equal(t, line(t, e), line(t, back))
	})
}

func TestTheJSONOfAnEventIsTheStandardMappingOfTheSchema(t *testing.T) {
	e := sinktest.Event("call", "alice", 1)
	var m valencev1.Event
	require.NoError(t, protojson.Unmarshal([]byte(line(t, e)), &m), "no field of the JSON is missing in the schema")
	want, err := eventpb.FromEvent(e)
	require.NoError(t, err)
	assert.True(t, proto.Equal(want, &m))
}

func TestARecordSaysWhoAndWhatItIs(t *testing.T) {
	e := sinktest.Event("call", "alice", 1)
	for _, form := range forms() {
		r, err := eventpb.Encode(e, form, "/valence/a")
		require.NoError(t, err)
		assert.Equal(t, "call", string(r.Key))
		for name, want := range map[string]string{
			"content-type": string(form), "participant": "alice", "traceparent": e.Traceparent,
			"ce_specversion": "1.0", "ce_id": e.ID + "#1", "ce_source": "/valence/a", "ce_type": "live.valence.event.v1", "ce_time": "2026-03-02T09:30:01Z",
		} {
			got, _ := r.Header(name)
			assert.Equal(t, want, got, name)
		}
	}
}

func TestWhatJSONRefusesProtobufRefuses(t *testing.T) {
	for what, change := range map[string]func(e *sink.Event){
		"no number":  func(e *sink.Event) { e.Score = sink.Number(math.NaN()) },
		"no end":     func(e *sink.Event) { e.Interval.High = sink.Number(math.Inf(1)) },
		"no weight":  func(e *sink.Event) { *e.Modalities.Text.Weight = sink.Number(math.Inf(-1)) },
		"far future": func(e *sink.Event) { e.Window.End = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		for _, form := range forms() {
			e := sinktest.Event("call", "alice", 1)
			change(e)
			_, err := eventpb.Encode(e, form, "/valence")
			require.Error(t, err, "%s in %s", what, form)
		}
	}
	e := sinktest.Event("call", "alice", 1)
	e.Polarity = "\xff"
	_, err := eventpb.Encode(e, wire.Protobuf, "/valence")
	require.Error(t, err)
}

func message(t *testing.T) *valencev1.Event {
	t.Helper()
	m, err := eventpb.FromEvent(sinktest.Event("call", "alice", 1))
	require.NoError(t, err)
	return m
}

func TestAnEventThatCannotBeReadIsPoison(t *testing.T) {
	good := message(t)
	for what, change := range map[string]func(m *valencev1.Event){
		"no id":         func(m *valencev1.Event) { m.Id = "" },
		"no window":     func(m *valencev1.Event) { m.Window = nil },
		"no such time":  func(m *valencev1.Event) { m.Window.End = &timestamppb.Timestamp{Nanos: -1} },
		"no context":    func(m *valencev1.Event) { m.Modalities.Text.Context = "much" },
		"no duration":   func(m *valencev1.Event) { m.Latency.Queue = "soon" },
		"no such hours": func(m *valencev1.Event) { m.Rolling.HalfLife = "1" },
	} {
		bad := proto.CloneOf(good)
		change(bad)
		r, err := wire.Encode("call", bad, wire.Protobuf, wire.Meta{})
		require.NoError(t, err)
		_, err = eventpb.Decode(r)
		require.ErrorIs(t, err, wire.ErrPoison, what)
	}
	_, err := eventpb.ToEvent(&valencev1.Event{})
	require.ErrorIs(t, err, eventpb.ErrEvent)
}

func counted(t *testing.T, events ...*sink.Event) *rolling.Session {
	t.Helper()
	s, err := rolling.New(rolling.Default())
	require.NoError(t, err)
	for _, e := range events {
		s.Apply(e)
	}
	return s
}

func TestARollingValueGoesOnFromItsStateAsIfItHadNeverStopped(t *testing.T) {
	events := sinktest.NewCall("call", 90).Events
	for _, form := range forms() {
		whole := counted(t)
		for i, e := range events {
			whole.Apply(e)
			if i%37 != 0 {
				continue
			}
			s := eventpb.State{Session: "call", Participant: e.Participant, WindowEnd: e.Window.End, Rolling: whole.Snapshot()}
			r, err := wire.Encode(eventpb.ScoreKey("call", e.Participant), eventpb.FromState(s), form, wire.Meta{})
			require.NoError(t, err)
			m, err := wire.DecodeState(r)
			require.NoError(t, err)
			back, err := eventpb.ToState(m)
			require.NoError(t, err)
			assert.Equal(t, s.WindowEnd, back.WindowEnd)
			assert.Equal(t, e.Participant, back.Participant)

			whole = counted(t)
			whole.Restore(back.Rolling)
			kept := *e
			whole.Apply(&kept)
			require.Equal(t, e.Rolling, kept.Rolling)
		}
		uninterrupted := counted(t, events...)
		end := events[len(events)-1].Window.End
		want, mass := uninterrupted.At(end)
		got, gotMass := whole.At(end)
		assert.Equal(t, []float64{want, mass}, []float64{got, gotMass}, "to the bit")
	}
}

func TestAStateThatMakesNoSenseIsSaid(t *testing.T) {
	bad := &timestamppb.Timestamp{Nanos: -1}
	for _, m := range []*valencev1.State{
		{WindowEnd: bad},
		{Rolling: &valencev1.RollingState{Session: &valencev1.RollingPart{Last: &valencev1.RollingKey{End: bad}}}},
		{Rolling: &valencev1.RollingState{Participants: map[string]*valencev1.RollingPart{"a": {Terms: []*valencev1.RollingTerm{{Key: &valencev1.RollingKey{End: bad}}}}}}},
	} {
		_, err := eventpb.ToState(m)
		require.ErrorIs(t, err, eventpb.ErrEvent)
	}
	empty, err := eventpb.ToState(eventpb.FromState(eventpb.State{}))
	require.NoError(t, err)
	assert.True(t, empty.WindowEnd.IsZero())
}

func FuzzDecode(f *testing.F) {
	for _, form := range forms() {
		r, err := eventpb.Encode(sinktest.Event("call", "alice", 1), form, "/valence")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(form), r.Value)
	}
	f.Fuzz(func(t *testing.T, form string, value []byte) {
		e, err := eventpb.Decode(wire.Record{Value: value, Headers: []wire.Header{{Key: "content-type", Value: []byte(form)}}})
		if err != nil {
			require.ErrorIs(t, err, wire.ErrPoison)
			return
		}
		r, err := eventpb.Encode(e, wire.Protobuf, "/valence")
		if err != nil {
			return // numbers that are none
		}
		back, err := eventpb.Decode(r)
		require.NoError(t, err)
		assert.Equal(t, line(t, e), line(t, back))
	})
}

func BenchmarkEncode(b *testing.B) {
	e := sinktest.Event("call", "alice", 1)
	for _, form := range forms() {
		b.Run(string(form), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := eventpb.Encode(e, form, "/valence")
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(r.Value)), "bytes")
			}
		})
	}
}
