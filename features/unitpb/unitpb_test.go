package unitpb_test

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
	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/unitpb"
	"github.com/valence-live/valence/ingest"
)

func instant() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.IntRange(0, 9).Draw(t, "none") == 0 {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(-1e10, 2e11).Draw(t, "second"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanosecond")).UTC()
	})
}

// bits are any float32 at all: NaNs with their payload, -0, denormals.
func bits() *rapid.Generator[float32] {
	return rapid.Custom(func(t *rapid.T) float32 { return math.Float32frombits(rapid.Uint32().Draw(t, "bits")) })
}

func clock() *rapid.Generator[ingest.Clock] {
	return rapid.Custom(func(t *rapid.T) ingest.Clock {
		return ingest.Clock{
			Source:     rapid.SampledFrom([]ingest.ClockSource{"", ingest.ClockRecord, ingest.ClockSenderReport, "later"}).Draw(t, "source"),
			ErrorBound: time.Duration(rapid.Int64().Draw(t, "bound")),
		}
	})
}

func vector() *rapid.Generator[features.Vector] {
	return rapid.Custom(func(t *rapid.T) features.Vector {
		v := features.Vector{
			Modality: rapid.SampledFrom([]ingest.Modality{ingest.Text, ingest.Audio, ingest.Video}).Draw(t, "modality"),
			Start:    instant().Draw(t, "start"), End: instant().Draw(t, "end"),
			Reason: rapid.SampledFrom([]ingest.Reason{"", ingest.ReasonNoFace, "later"}).Draw(t, "reason"),
			Clock:  clock().Draw(t, "clock"),
		}
		if values := rapid.SliceOfN(bits(), 0, 8).Draw(t, "values"); len(values) > 0 {
			v.Values = values
		}
		return v
	})
}

func unit() *rapid.Generator[features.Unit] {
	return rapid.Custom(func(t *rapid.T) features.Unit {
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			return vector().Draw(t, "vector")
		case 1:
			s := features.Segment{
				ID: rapid.String().Draw(t, "id"), Start: instant().Draw(t, "start"), End: instant().Draw(t, "end"),
				Final: rapid.Bool().Draw(t, "final"), Clock: clock().Draw(t, "clock"),
			}
			for range rapid.IntRange(0, 3).Draw(t, "tokens") {
				s.Tokens = append(s.Tokens, vector().Draw(t, "token"))
				s.Words = append(s.Words, features.Interval{Start: instant().Draw(t, "from"), End: instant().Draw(t, "to")})
			}
			return s
		default:
			return features.Mark{
				Modality: ingest.Video, Time: instant().Draw(t, "time"), Reason: ingest.ReasonLost, End: rapid.Bool().Draw(t, "end"),
			}
		}
	})
}

// plain makes NaNs comparable: Values by their bits.
func plain(u features.Unit) any {
	type vector struct {
		features.Vector
		Bits []uint32
	}
	of := func(v features.Vector) vector {
		out := vector{Vector: v}
		for _, x := range v.Values {
			out.Bits = append(out.Bits, math.Float32bits(x))
		}
		out.Values = nil
		return out
	}
	switch u := u.(type) {
	case features.Vector:
		return of(u)
	case features.Segment:
		tokens := []vector{}
		for _, token := range u.Tokens {
			tokens = append(tokens, of(token))
		}
		u.Tokens = nil
		return []any{u, tokens}
	default:
		return u
	}
}

func TestEveryUnitArrivesToTheBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := unit().Draw(t, "unit")
		step, err := unitpb.FromUnit(u)
		require.NoError(t, err)
		sent, err := proto.Marshal(step)
		require.NoError(t, err)
		var read valencev1.Step
		require.NoError(t, proto.Unmarshal(sent, &read))
		back, err := unitpb.ToUnit(&read)
		require.NoError(t, err)
		assert.Equal(t, plain(u), plain(back))
	})
}

func TestFiniteUnitsArriveInJSONToo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := vector().Draw(t, "vector")
		for i, x := range v.Values {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				v.Values[i] = 0
			}
		}
		step, err := unitpb.FromUnit(v)
		require.NoError(t, err)
		text, err := protojson.Marshal(step)
		require.NoError(t, err)
		var read valencev1.Step
		require.NoError(t, protojson.Unmarshal(text, &read))
		back, err := unitpb.ToUnit(&read)
		require.NoError(t, err)
		assert.Equal(t, plain(v), plain(back))
	})
}

func TestTheOtherStepsSayWhatWasSaid(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 30, 0, 123, time.UTC)
	got, err := unitpb.ToAdvance(unitpb.Advance(at).GetAdvance())
	require.NoError(t, err)
	assert.Equal(t, at, got)
	m, why, err := unitpb.ToWithdrawal(unitpb.Withdraw(ingest.Video, ingest.ReasonNoConsent).GetWithdraw())
	require.NoError(t, err)
	assert.Equal(t, ingest.Video, m)
	assert.Equal(t, ingest.ReasonNoConsent, why)
	c := &valencev1.Control{Kind: &valencev1.Control_Leave{}}
	assert.Same(t, c, unitpb.Control(c).GetControl())
	for _, s := range []*valencev1.Step{unitpb.Advance(at), unitpb.Withdraw(ingest.Text, ""), unitpb.Control(c), {}, nil} {
		u, err := unitpb.ToUnit(s)
		require.NoError(t, err)
		assert.Nil(t, u)
	}
}

func TestAStepThatMakesNoSenseIsSaidByName(t *testing.T) {
	never := &timestamppb.Timestamp{Seconds: math.MaxInt64}
	smell := &valencev1.Vector{Modality: "smell"}
	late := &valencev1.Vector{Modality: "audio", End: never}
	for _, s := range []*valencev1.Step{
		{Kind: &valencev1.Step_Vector{Vector: smell}},
		{Kind: &valencev1.Step_Vector{Vector: late}},
		{Kind: &valencev1.Step_Vector{}},
		{Kind: &valencev1.Step_Mark{Mark: &valencev1.Mark{Modality: "smell"}}},
		{Kind: &valencev1.Step_Mark{Mark: &valencev1.Mark{Modality: "text", Time: never}}},
		{Kind: &valencev1.Step_Segment{Segment: &valencev1.EncodedSegment{Start: never}}},
		{Kind: &valencev1.Step_Segment{Segment: &valencev1.EncodedSegment{Tokens: []*valencev1.Vector{late}}}},
		{Kind: &valencev1.Step_Segment{Segment: &valencev1.EncodedSegment{Words: []*valencev1.Span{{End: never}}}}},
	} {
		u, err := unitpb.ToUnit(s)
		require.ErrorIs(t, err, unitpb.ErrStep, "%v", s)
		assert.Nil(t, u)
	}
	_, err := unitpb.FromUnit(nil)
	require.ErrorIs(t, err, unitpb.ErrStep)
	_, err = unitpb.ToAdvance(&valencev1.Advance{})
	require.ErrorIs(t, err, unitpb.ErrStep)
	_, _, err = unitpb.ToWithdrawal(nil)
	require.ErrorIs(t, err, unitpb.ErrStep)
}

func FuzzToUnit(f *testing.F) {
	step, err := unitpb.FromUnit(features.Vector{Modality: ingest.Audio, Start: time.Unix(1, 2), End: time.Unix(3, 4), Values: []float32{1, 2}})
	if err != nil {
		f.Fatal(err)
	}
	seed, err := proto.Marshal(step)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, sent []byte) {
		var s valencev1.Step
		if proto.Unmarshal(sent, &s) != nil {
			return
		}
		u, err := unitpb.ToUnit(&s)
		if err != nil || u == nil {
			return
		}
		again, err := unitpb.FromUnit(u)
		require.NoError(t, err)
		back, err := unitpb.ToUnit(again)
		require.NoError(t, err)
		assert.Equal(t, plain(u), plain(back))
	})
}

func BenchmarkASecondOfOnePerson(b *testing.B) {
	var units []features.Unit
	for i := range 15 {
		v := features.Vector{Modality: ingest.Audio, Start: time.Unix(1e9, int64(i)*1e8), End: time.Unix(1e9, int64(i+1)*1e8), Values: make([]float32, 136)}
		if i >= 10 {
			v.Modality, v.Values = ingest.Video, make([]float32, 64)
		}
		for j := range v.Values {
			v.Values[j] = float32(j)
		}
		units = append(units, v)
	}
	b.ReportAllocs()
	for b.Loop() {
		m := &valencev1.Features{Contract: "sha256:00"}
		for _, u := range units {
			step, err := unitpb.FromUnit(u)
			if err != nil {
				b.Fatal(err)
			}
			m.Steps = append(m.Steps, step)
		}
		sent, err := proto.Marshal(m)
		if err != nil {
			b.Fatal(err)
		}
		var read valencev1.Features
		if err := proto.Unmarshal(sent, &read); err != nil {
			b.Fatal(err)
		}
		for _, s := range read.GetSteps() {
			if _, err := unitpb.ToUnit(s); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(sent)), "bytes")
	}
}
