package events_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/client/events"
	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/eventpb"
	"github.com/valence-live/valence/sink/sinktest"
)

func record(tb testing.TB, e *sink.Event, form wire.Form) events.Record {
	tb.Helper()
	r, err := eventpb.Encode(e, form, "/valence")
	require.NoError(tb, err)
	out := events.Record{Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, events.Header(h))
	}
	return out
}

func apply(t *testing.T, r *events.Reader, e *sink.Event) events.Change {
	t.Helper()
	c, err := r.Apply(record(t, e, wire.JSON))
	require.NoError(t, err)
	return c
}

func revised(second, revision int, state features.State) *sink.Event {
	e := sinktest.Event("call", "alice", second)
	e.Revision, e.State = revision, state
	return e
}

func TestTheHighestRevisionOfAnIDIsKept(t *testing.T) {
	r := events.NewReader(events.Default())
	assert.Equal(t, events.New, apply(t, r, revised(1, 0, features.Provisional)).Kind)
	assert.Equal(t, events.Nothing, apply(t, r, revised(1, 0, features.Provisional)).Kind)
	c := apply(t, r, revised(1, 1, features.Final))
	assert.Equal(t, events.Corrected, c.Kind)
	assert.Equal(t, "provisional", c.Before.GetState())
	assert.Equal(t, events.Nothing, apply(t, r, revised(1, 0, features.Provisional)).Kind)
	assert.Equal(t, events.New, apply(t, r, revised(2, 0, features.Provisional)).Kind)
	assert.Equal(t, events.Corrected, apply(t, r, revised(1, 2, features.Corrected)).Kind)
	assert.Equal(t, revised(2, 0, features.Provisional).ID, r.Latest("call", "alice").GetId(), "a correction of an older window is not the latest")
	apply(t, r, revised(2, 1, features.Final))
	assert.Equal(t, "final", r.Latest("call", "alice").GetState())
	require.Len(t, r.Events("call"), 2)
	assert.Equal(t, "corrected", r.Events("call")[0].GetState())
}

func TestWhateverComesTwiceOrOutOfOrderTheResultIsTheSame(t *testing.T) {
	call := sinktest.NewCall("call", 60).Events
	all := append([]*sink.Event{}, call...)
	for _, e := range call {
		draft := *e
		draft.Revision, draft.State = 0, features.Provisional
		all = append(all, &draft, e)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		r := events.NewReader(events.Default())
		for _, e := range all {
			apply(t, r, e)
		}
		got := r.Events("call")
		require.Len(t, got, len(call))
		for i, e := range call {
			require.Equal(t, e.ID, got[i].GetId())
			require.Equal(t, "final", got[i].GetState())
		}
	}
}

func TestATombstoneForgetsAPerson(t *testing.T) {
	for _, tomb := range []events.Record{
		{Key: []byte("call"), Headers: []events.Header{{Key: "participant", Value: []byte("alice")}}},
		{Key: []byte("call/alice")},
	} {
		r := events.NewReader(events.Default())
		apply(t, r, sinktest.Event("call", "alice", 1))
		apply(t, r, sinktest.Event("call", "bob", 1))
		c, err := r.Apply(tomb)
		require.NoError(t, err)
		assert.Equal(t, events.Change{Kind: events.Erased, Session: "call", Participant: "alice"}, c)
		assert.Nil(t, r.Latest("call", "alice"))
		assert.Len(t, r.Events("call"), 1)
		_, err = r.Apply(events.Record{Key: []byte("call/bob")})
		require.NoError(t, err)
		assert.Empty(t, r.Sessions())
		assert.Equal(t, events.New, apply(t, r, sinktest.Event("call", "alice", 1)).Kind, "what comes after it is new")
	}
}

func TestWhatIsOldIsForgottenAndSaidToBeLate(t *testing.T) {
	r := events.NewReader(events.Config{Keep: time.Minute})
	for i := range 3600 {
		assert.Equal(t, events.New, apply(t, r, sinktest.Event("call", "alice", i)).Kind)
	}
	assert.Less(t, len(r.Events("call")), 90)
	assert.Equal(t, events.Late, apply(t, r, sinktest.Event("call", "alice", 1)).Kind)
	assert.Equal(t, events.Nothing, apply(t, r, sinktest.Event("call", "alice", 3590)).Kind)
	assert.Equal(t, []string{"call"}, r.Sessions())
	r.Forget("call")
	assert.Empty(t, r.Sessions())
}

func TestBothFormsAreReadAndAnythingElseIsSaid(t *testing.T) {
	r := events.NewReader(events.Default())
	for i, form := range []wire.Form{wire.JSON, wire.Protobuf} {
		c, err := r.Apply(record(t, sinktest.Event("call", "alice", i), form))
		require.NoError(t, err)
		assert.InDelta(t, 0.41, c.Event.GetScore(), 0)
		assert.Equal(t, "muted", c.Event.GetModalities().GetVideo().GetReason())
	}
	for _, bad := range []events.Record{
		{Key: []byte("call"), Value: []byte("{")},
		{Key: []byte("call"), Value: []byte("{}")},
		{Key: []byte("call")},
		{Key: []byte("/alice")},
		{Key: []byte("call/")},
	} {
		_, err := r.Apply(bad)
		require.ErrorIs(t, err, events.ErrRecord)
	}
}

func ExampleReader() {
	reader := events.NewReader(events.Default())
	score := func(revision int, score float64) events.Record {
		return events.Record{Key: []byte("call-17"), Value: fmt.Appendf(nil,
			`{"id":"call-17/alice/sliding/1772443801000","revision":%d,"state":"final","session":"call-17","participant":"alice",
			"window":{"kind":"sliding","start":"2026-03-02T09:29:53Z","end":"2026-03-02T09:30:01Z"},"score":%.2f}`, revision, score)}
	}
	for _, r := range []events.Record{score(0, 0.40), score(1, 0.41), score(1, 0.41), score(0, 0.40)} {
		change, err := reader.Apply(r)
		fmt.Println(change.Kind != events.Nothing, change.Event.GetRevision(), err)
	}
	fmt.Println(reader.Latest("call-17", "alice").GetScore())
	// Output:
	// true 0 <nil>
	// true 1 <nil>
	// false 1 <nil>
	// false 0 <nil>
	// 0.41
}

func FuzzApply(f *testing.F) {
	r := record(f, sinktest.Event("call", "alice", 1), wire.Protobuf)
	f.Add("application/protobuf", r.Key, r.Value)
	r = record(f, sinktest.Event("call", "alice", 1), wire.JSON)
	f.Add("application/json", r.Key, r.Value)
	f.Fuzz(func(t *testing.T, form string, key, value []byte) {
		reader := events.NewReader(events.Default())
		record := events.Record{Key: key, Value: value, Headers: []events.Header{{Key: "content-type", Value: []byte(form)}}}
		first, err := reader.Apply(record)
		if err != nil {
			require.ErrorIs(t, err, events.ErrRecord)
			return
		}
		again, err := reader.Apply(record)
		require.NoError(t, err)
		if first.Kind == events.New {
			assert.Equal(t, events.Nothing, again.Kind)
		}
	})
}
