package worker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest/kafka"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/internal/wire/wiretest"
	"github.com/valence-live/valence/internal/worker"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
)

// produced are the records of the demo call as a producer writes them, in the
// form given.
func produced(t *testing.T, form wire.Form, consent bool) *journal {
	t.Helper()
	cfg := demo()
	var all []wiretest.Message
	if consent {
		all = wiretest.Consent(cfg)
	}
	j := &journal{at: time.Unix(2e9, 0)}
	for _, m := range append(append(all, wiretest.Media(t, cfg)...), wiretest.End(cfg)) {
		r, err := wire.Encode("demo", m.Message, form, wire.Meta{Participant: m.Participant})
		require.NoError(t, err)
		j.add(m.Topic, r)
	}
	return j
}

// through runs records through a lane of a worker.
func through(t *testing.T, engine *pipeline.Engine, j *journal, change func(*worker.Config)) *memory.Store {
	t.Helper()
	store := memory.New(memory.Default())
	lane, err := newWorker(t, engine, store, change).Open(t.Context(), 0, nil)
	require.NoError(t, err)
	for _, r := range j.records {
		require.NoError(t, lane.Handle(t.Context(), r))
	}
	require.NoError(t, lane.Close())
	return store
}

// announced takes out what a replay knows from its files before anything comes of
// them: that there is a transcript, and so who is waited for at the beginning.
func announced(e *sink.Event) {
	e.Rolling.Session, e.Rolling.SessionMass = 0, 0
	e.Modalities.Text.Reason = ""
}

func TestMediaRecordsAreScoredAsTheReplayOfTheFilesIs(t *testing.T) {
	engine := openEngine(t)
	want := replayed(t, engine)
	for _, form := range []wire.Form{wire.Protobuf, wire.JSON} {
		t.Run(string(form), func(t *testing.T) {
			equal(t, want, through(t, engine, produced(t, form, true), nil).Session("demo"), announced)
		})
	}
}

func TestNothingIsScoredWithoutConsentUnlessTheOperatorSaysItWasGiven(t *testing.T) {
	engine := openEngine(t)
	j := produced(t, wire.Protobuf, false)
	assert.Empty(t, through(t, engine, j, nil).Session("demo"))
	assert.NotEmpty(t, through(t, engine, j, func(c *worker.Config) { c.Upstream = true }).Session("demo"))
}

func TestPoisonIsSaidAndHarmsNothing(t *testing.T) {
	engine := openEngine(t)
	want := replayed(t, engine)
	j := produced(t, wire.Protobuf, true)
	store := memory.New(memory.Default())
	lane, err := newWorker(t, engine, store, nil).Open(t.Context(), 0, nil)
	require.NoError(t, err)
	poisons := 0
	for i, r := range j.records {
		require.NoError(t, lane.Handle(t.Context(), r))
		if i%50 != 0 {
			continue
		}
		for _, bad := range []kafka.Record{
			{Topic: wire.TopicMedia, Key: []byte("demo"), Value: []byte("{")},
			{Topic: wire.TopicMedia, Key: nil, Value: []byte("{}")},
			{Topic: wire.TopicControl, Key: []byte("demo"), Value: []byte(`{"time":"2026-05-01T09:00:00Z"}`)},
			{Topic: "other", Key: []byte("demo"), Value: []byte("{}")},
			{Topic: wire.TopicMedia, Key: []byte("demo"), Value: r.Value[:len(r.Value)/2], Headers: r.Headers},
		} {
			bad.Offset, bad.Time = r.Offset, r.Time
			if err := lane.Handle(t.Context(), bad); err != nil {
				require.ErrorIs(t, err, kafka.ErrPoison)
				poisons++
			}
		}
	}
	require.NoError(t, lane.Close())
	assert.Greater(t, poisons, len(j.records)/50*4)
	equal(t, want, store.Session("demo"), announced)
}

func TestACallThatNothingComesOfIsClosedWhenTheLogHasGoneOn(t *testing.T) {
	engine := openEngine(t)
	j := produced(t, wire.Protobuf, true)
	j.records = j.records[:len(j.records)-1] // nobody says that it ended
	other, err := wire.Encode("other", &valencev1.Control{Time: timestamppb.Now(), Kind: &valencev1.Control_Heartbeat{Heartbeat: &valencev1.Heartbeat{}}}, wire.JSON, wire.Meta{})
	require.NoError(t, err)
	j.at = j.at.Add(6 * time.Minute)
	j.add(wire.TopicControl, other)
	equal(t, replayed(t, engine), through(t, engine, j, nil).Session("demo"), announced)
}
