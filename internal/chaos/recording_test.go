//go:build servers

package chaos_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/relay"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/internal/wire"
)

// zero is when the recorded call began.
func zero() time.Time { return time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC) }

// demo is the call that ships with the repository.
func demo() replay.Config {
	return replay.Config{Session: "demo", Start: zero(), Inputs: []replay.Input{
		{Participant: "maya", Media: "../../demo/call.webm", Transcript: "../../demo/call.vtt"},
		{Participant: "leo", Media: "../../demo/guest.webm", Transcript: "../../demo/guest.vtt"},
	}}
}

// note is what a gateway said of one person at once, and when after the
// beginning of the call.
type note struct {
	due     time.Duration
	who     string
	message *valencev1.Features
}

// recording is the demo call as a gateway sends it to workers.
type recording struct{ notes []note }

// spoken is a record and when it is to be sent.
type spoken struct {
	due time.Time
	wire.Record
}

// tape keeps what a gateway appends.
type tape struct {
	mu    sync.Mutex
	notes []note
}

func (l *tape) Append(_ context.Context, r wire.Record) error {
	m, err := wire.DecodeFeatures(r)
	if err != nil {
		return err
	}
	_, who, err := r.Who()
	if err != nil {
		return err
	}
	stamp, _ := r.Header("ce_time")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes = append(l.notes, note{at.Sub(zero()), who, m})
	return nil
}

// record runs the demo call through a gateway's half of the pipeline. Every third
// sentence is made to come four seconds late, so that there are corrections.
func record(tb testing.TB, engine *pipeline.Engine) recording {
	tb.Helper()
	l := &tape{}
	stage, err := relay.Stages(engine, l)("demo", pipeline.CallConfig{}, nil)
	require.NoError(tb, err)
	require.NoError(tb, stage.Start(tb.Context()))
	source, err := replay.Open(tb.Context(), demo(), slog.New(slog.DiscardHandler))
	require.NoError(tb, err)
	require.NoError(tb, source.Run(tb.Context(), clocked{stage, new(time.Time)}))
	sentences := 0
	for i, n := range l.notes {
		if slices.ContainsFunc(n.message.GetSteps(), func(s *valencev1.Step) bool { return s.GetSegment() != nil }) {
			if sentences++; sentences%3 == 0 {
				l.notes[i].due += 4 * time.Second
			}
		}
	}
	slices.SortStableFunc(l.notes, func(a, b note) int { return cmp.Compare(a.due, b.due) })
	return recording{l.notes}
}

// clocked tells a stage the time by its samples.
type clocked struct {
	calls.Stage
	now *time.Time
}

func (c clocked) Handle(ctx context.Context, s ingest.Sample) error {
	if s.Time.After(*c.now) {
		*c.now = s.Time
		if err := c.Advance(s.Time); err != nil {
			return err
		}
	}
	return c.Stage.Handle(ctx, s)
}

// call are the records of a call of that id which begins then and is as long as
// that, at most as the demo, or repeats it as often as is needed.
func (r recording) call(tb testing.TB, session string, begins time.Time, length time.Duration) (out []spoken) {
	tb.Helper()
	origin, sequence := rand.Text(), map[string]uint64{}
	whole := r.notes[len(r.notes)-1].due.Truncate(time.Second) + time.Second
	for at := time.Duration(0); at < length; at += whole {
		for _, n := range r.notes {
			if at+n.due >= length {
				break
			}
			m, ok := proto.Clone(n.message).(*valencev1.Features)
			require.True(tb, ok)
			m.Steps = slices.DeleteFunc(m.Steps, func(s *valencev1.Step) bool { return s.GetMark().GetEnd() })
			for _, step := range m.GetSteps() {
				if said := step.GetSegment(); said != nil && at > 0 {
					said.Id += "-" + at.String() // another sentence
				}
			}
			shift(m.ProtoReflect(), begins.Add(at).Sub(zero()))
			sequence[n.who]++
			m.Origin, m.Sequence = origin, sequence[n.who]
			out = append(out, spoken{begins.Add(at + n.due), encode(tb, session, n.who, m)})
		}
	}
	end := begins.Add(length)
	return append(out, spoken{end, encode(tb, session, "", &valencev1.Control{
		Time: timestamppb.New(end), Kind: &valencev1.Control_SessionEnd{SessionEnd: &valencev1.SessionEnd{}},
	})})
}

func encode(tb testing.TB, session, who string, m proto.Message) wire.Record {
	tb.Helper()
	r, err := wire.Encode(session, m, wire.Protobuf, wire.Meta{Participant: who})
	require.NoError(tb, err)
	return r
}

// shift moves every time in a message.
func shift(m protoreflect.Message, by time.Duration) {
	if t, ok := m.Interface().(*timestamppb.Timestamp); ok {
		moved := timestamppb.New(t.AsTime().Add(by))
		t.Seconds, t.Nanos = moved.GetSeconds(), moved.GetNanos()
		return
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() != protoreflect.MessageKind || f.IsMap():
		case f.IsList():
			for i := range v.List().Len() {
				shift(v.List().Get(i).Message(), by)
			}
		default:
			shift(v.Message(), by)
		}
		return true
	})
}

// openEngine opens the default model.
func openEngine(t *testing.T) *pipeline.Engine {
	t.Helper()
	engine, err := pipeline.Open(pipeline.DefaultEngine(), telemetry.Nop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close(context.WithoutCancel(t.Context()))) })
	return engine
}
