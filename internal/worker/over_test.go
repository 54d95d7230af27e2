package worker_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/ingest/kafka"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/internal/worker"
	"github.com/valence-live/valence/sink"
)

// dies runs records through lanes of which the one that is in charge is killed
// before each of the records at those places, having checkpointed before every
// hundredth. It returns what the state topic holds then.
func dies(t *testing.T, records []kafka.Record, to sink.Publisher, change func(*worker.Config), places ...int64) *archive {
	t.Helper()
	engine := openEngine(t)
	state, committed := &archive{values: map[string][]byte{}}, int64(0)
	for _, end := range append(places, int64(len(records))) {
		living, cancel := context.WithCancel(t.Context())
		lane, err := newWorker(t, engine, to, change).Open(living, 0, state)
		require.NoError(t, err)
		for at := committed; at < end; at++ {
			require.NoError(t, lane.Handle(living, records[at]))
			if at%100 == 99 || at+1 == int64(len(records)) {
				next, err := lane.Checkpoint(living)
				require.NoError(t, err)
				committed = min64(next)
			}
		}
		cancel()
		require.NoError(t, lane.Close())
	}
	return state
}

// shared are the records of the demo call and of the same call again, under
// another id and begun later, in one partition.
func shared(t *testing.T, first []kafka.Record, other string, later time.Duration) []kafka.Record {
	t.Helper()
	type said struct {
		due time.Time
		kafka.Record
	}
	all := make([]said, 0, 2*len(first))
	var due time.Time
	for _, r := range first {
		if stamp := r.Header("ce_time"); stamp != nil {
			at, err := time.Parse(time.RFC3339Nano, string(stamp))
			require.NoError(t, err)
			if at.After(due) {
				due = at
			}
		}
		again := r
		again.Key = []byte(other)
		all = append(all, said{due, r}, said{due.Add(later), again})
	}
	slices.SortStableFunc(all, func(a, b said) int { return a.due.Compare(b.due) })
	out := make([]kafka.Record, len(all))
	for i, s := range all {
		s.Offset, s.Topic, s.Time = int64(i), wire.TopicFeatures, s.due // as a gateway writes them
		out[i] = s.Record
	}
	return out
}

// A call that is over is read again where another call of the partition needs older
// records: in part, which must not be scored.
func TestACallThatIsOverIsNotScoredAgainInPart(t *testing.T) {
	engine := openEngine(t)
	records := shared(t, gateway(t, engine).records, "later", 20*time.Second)
	last := 0 // of the first call, which ends it
	for i, r := range records {
		if string(r.Key) == "demo" {
			last = i
		}
	}
	require.Less(t, last+250, len(records))

	want, got := newAgreeing(), newAgreeing()
	dies(t, records, want, brief)
	state := dies(t, records, got, brief, int64(last)+150, int64(last)+250)
	equal(t, want.Session("demo"), got.Session("demo"))
	equal(t, want.Session("later"), got.Session("later"))
	assert.Equal(t, slices.Sorted(maps.Keys(want.said)), slices.Sorted(maps.Keys(got.said)))
	assert.Contains(t, state.values, "demo/maya", "for a while it is remembered that the call is over")
}

// Nor is it kept for ever who was in it.
func TestACallThatIsOverIsForgottenInTheEnd(t *testing.T) {
	engine := openEngine(t)
	records := gateway(t, engine).records
	for _, minutes := range []int{0, 6, 12} { // somebody else's, later and later
		r := records[0]
		r.Key, r.Topic = []byte("other"), wire.TopicFeatures
		r.Offset, r.Time = int64(len(records)), records[len(records)-1].Time.Add(time.Duration(minutes)*time.Minute)
		records = append(records, r)
	}
	for i := range records {
		records[i].Topic, records[i].Offset = wire.TopicFeatures, int64(i)
	}
	assert.Contains(t, dies(t, records[:len(records)-2], newAgreeing(), nil).values, "demo/maya")
	assert.NotContains(t, dies(t, records, newAgreeing(), nil).values, "demo/maya")
}

// delayed puts the first sentences behind some hundred later records.
func delayed(t *testing.T, records []kafka.Record, sentences, by int) []kafka.Record {
	t.Helper()
	var out, late []kafka.Record
	for i, r := range records {
		if m := new(valencev1.Features); len(late) < sentences && proto.Unmarshal(r.Value, m) == nil && len(m.GetSteps()) > 0 && m.GetSteps()[0].GetSegment() != nil {
			m.Sequence = 1 << 20 // what comes late is no repeat
			m.Origin = "late"
			value, err := proto.Marshal(m)
			require.NoError(t, err)
			r.Value = value
			late = append(late, r)
			continue
		}
		if i == by {
			require.Len(t, late, sentences)
			out = append(out, late...)
		}
		out = append(out, r)
	}
	for i := range out {
		out[i].Topic, out[i].Offset = wire.TopicFeatures, int64(i)
	}
	return out
}

// Words that come late correct windows of the first seconds of a call, too. They
// move the rolling value; what was said between those windows and them is not
// said again with the new one.
func TestCorrectionsOfTheBeginningSurviveAWorker(t *testing.T) {
	engine := openEngine(t)
	for _, late := range []struct {
		sentences, by int
		places        []int64
	}{{3, 250, []int64{240, 301, 500}}, {1, 350, []int64{340, 401, 500}}} {
		records := delayed(t, gateway(t, engine).records, late.sentences, late.by)
		want, got := newAgreeing(), newAgreeing()
		dies(t, records, want, nil)
		dies(t, records, got, nil, late.places...)
		equal(t, want.Session("demo"), got.Session("demo"))
		assert.Equal(t, slices.Sorted(maps.Keys(want.said)), slices.Sorted(maps.Keys(got.said)))
	}
}

func TestASinkInTroubleHoldsUpNoOtherWhileACheckpointWaits(t *testing.T) {
	engine := openEngine(t)
	state := &archive{values: map[string][]byte{}}
	away := true
	lane, err := newWorker(t, engine, newAgreeing(), func(c *worker.Config) {
		c.Flush = func(ctx context.Context) error {
			if away {
				<-ctx.Done()
			}
			return ctx.Err()
		}
	}).Open(t.Context(), 0, state)
	require.NoError(t, err)
	for _, r := range gateway(t, engine).records[:900] {
		require.NoError(t, lane.Handle(t.Context(), r))
	}
	began := time.Now()
	next, err := lane.Checkpoint(t.Context())
	require.NoError(t, err)
	assert.Empty(t, next, "nothing is committed")
	assert.Empty(t, state.values, "nor said to be published")
	assert.Less(t, time.Since(began), 3*time.Second)
	away = false
	next, err = lane.Checkpoint(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, next)
	assert.NotEmpty(t, state.values)
	require.NoError(t, lane.Close())
}
