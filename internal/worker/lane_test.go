package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/timestamppb"

	valencev1 "github.com/valence-live/valence/api/valence/v1"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/kafka"
	"github.com/valence-live/valence/ingest/replay"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/relay"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/internal/worker"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/rolling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// demo is the call that ships with the repository.
func demo() replay.Config {
	return replay.Config{Session: "demo", Start: time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC), Inputs: []replay.Input{
		{Participant: "maya", Media: "../../demo/call.webm", Transcript: "../../demo/call.vtt"},
		{Participant: "leo", Media: "../../demo/guest.webm", Transcript: "../../demo/guest.vtt"},
	}}
}

func openEngine(t *testing.T) *pipeline.Engine {
	t.Helper()
	engine, err := pipeline.Open(pipeline.DefaultEngine(), telemetry.Nop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close(context.WithoutCancel(t.Context()))) })
	return engine
}

func callConfig(engine *pipeline.Engine) pipeline.CallConfig {
	c := pipeline.CallConfig{Align: align.Default(), Rolling: rolling.Default()}
	c.Align.Limits = engine.Limits()
	return c
}

// once makes something that several tests read, when the first asks for it.
type once[T any] struct {
	mu   sync.Mutex
	made bool
	it   T
}

func (o *once[T]) get(do func() T) T {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.made {
		o.it, o.made = do(), true
	}
	return o.it
}

// What the tests share: the demo is replayed, and goes through a gateway, once.
var (
	demoEvents once[[]*sink.Event]
	demoLog    once[[]kafka.Record]
)

// replayed are the events of a replay of the demo.
func replayed(t *testing.T, engine *pipeline.Engine) []*sink.Event {
	t.Helper()
	return demoEvents.get(func() []*sink.Event { return recorded(t, engine, demo()) })
}

func recorded(t *testing.T, engine *pipeline.Engine, from replay.Config) []*sink.Event {
	t.Helper()
	source, err := replay.Open(t.Context(), from, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	store := memory.New(memory.Default())
	c, err := engine.NewCall(callConfig(engine), store)
	require.NoError(t, err)
	require.NoError(t, c.Run(t.Context(), source))
	return store.Session("demo")
}

// journal is a log in memory, of one partition.
type journal struct {
	mu      sync.Mutex
	topic   string
	records []kafka.Record
	at      time.Time // of the next record
}

func (j *journal) Append(_ context.Context, r wire.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.add(j.topic, r)
	return nil
}

func (j *journal) add(topic string, r wire.Record) {
	headers := make([]kafka.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = kafka.Header(h)
	}
	j.at = j.at.Add(time.Millisecond)
	j.records = append(j.records, kafka.Record{Topic: topic, Offset: int64(len(j.records)), Key: r.Key, Value: r.Value, Headers: headers, Time: j.at})
}

// gateway appends the features of the demo as a gateway would.
func gateway(t *testing.T, engine *pipeline.Engine) *journal {
	t.Helper()
	records := demoLog.get(func() []kafka.Record {
		j := &journal{topic: wire.TopicFeatures, at: time.Unix(2e9, 0)}
		source, err := replay.Open(t.Context(), demo(), slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		require.NoError(t, relay.Recording(t.Context(), "demo", source, engine, j))
		return j.records
	})
	return &journal{topic: wire.TopicFeatures, records: slices.Clone(records), at: records[len(records)-1].Time}
}

// archive is a state topic in memory.
type archive struct{ values map[string][]byte }

func (a *archive) Load(context.Context) (map[string][]byte, error) {
	return maps.Clone(a.values), nil
}

func (a *archive) Save(_ context.Context, values map[string][]byte) error {
	for k, v := range values {
		if v == nil {
			delete(a.values, k)
		} else {
			a.values[k] = v
		}
	}
	return nil
}

// agreeing is a sink that refuses an event that contradicts an earlier one.
type agreeing struct {
	*memory.Store
	mu    sync.Mutex
	said  map[string]string
	count map[string]int
}

func newAgreeing() *agreeing {
	return &agreeing{Store: memory.New(memory.Default()), said: map[string]string{}, count: map[string]int{}}
}

func (a *agreeing) Publish(ctx context.Context, e *sink.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	key, said := fmt.Sprintf("%s@%d", e.ID, e.Revision), e.Repeatable()
	line, err := sink.Encode(&said)
	if err != nil {
		return err
	}
	if before, ok := a.said[key]; ok && before != string(line) {
		return fmt.Errorf("%s was said, now %s", before, line)
	}
	a.said[key] = string(line)
	a.count[key]++
	return a.Store.Publish(ctx, e)
}

func newWorker(t *testing.T, engine *pipeline.Engine, to sink.Publisher, change func(*worker.Config)) *worker.Worker {
	t.Helper()
	cfg := worker.Config{Call: callConfig(engine), Purpose: ingest.General, Idle: 5 * time.Minute, MaxParticipants: 16}
	if change != nil {
		change(&cfg)
	}
	w, err := worker.New(cfg, engine, to, telemetry.Nop())
	require.NoError(t, err)
	return w
}

// equal compares events that came by different ways, but for their clocks. ignore
// takes out what else may differ.
func equal(t *testing.T, want, got []*sink.Event, ignore ...func(*sink.Event)) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		lines := [2]string{}
		for j, e := range []*sink.Event{want[i], got[i]} {
			plain := e.Repeatable()
			plain.Clock = sink.Clock{}
			for _, f := range ignore {
				f(&plain)
			}
			line, err := sink.Encode(&plain)
			require.NoError(t, err)
			lines[j] = string(line)
		}
		require.Equal(t, lines[0], lines[1])
	}
}

func TestFeaturesThroughALogAreScoredAsTheReplayIs(t *testing.T) {
	engine := openEngine(t)
	j := gateway(t, engine)
	store := memory.New(memory.Default())
	lane, err := newWorker(t, engine, store, nil).Open(t.Context(), 0, nil)
	require.NoError(t, err)
	for _, r := range j.records {
		require.NoError(t, lane.Handle(t.Context(), r))
	}
	require.NoError(t, lane.Close())
	equal(t, replayed(t, engine), store.Session("demo"))
}

// brief lets 45 s be read again, not 75, which is more than the demo has.
func brief(c *worker.Config) { c.Call.Align.Correction = 0 }

// However often workers die, and wherever, nothing is lost, nothing is said in
// two ways, and the scores are those of a replay.
func TestWorkersThatDieLoseNothingAndContradictNothing(t *testing.T) {
	engine := openEngine(t)
	j := gateway(t, engine)
	want := replayed(t, engine)
	random := rand.New(rand.NewPCG(7, 7))
	for round := range 6 {
		var change func(*worker.Config)
		if round%2 == 1 {
			change = brief
		}
		store, state := newAgreeing(), &archive{values: map[string][]byte{}}
		committed := int64(0)
		for at := int64(0); at < int64(len(j.records)); {
			dies, cancel := context.WithCancel(t.Context())
			lane, err := newWorker(t, engine, store, change).Open(dies, 0, state)
			require.NoError(t, err)
			end := min(at+int64(50+random.IntN(900)), int64(len(j.records)))
			for at = committed; at < end; at++ {
				require.NoError(t, lane.Handle(dies, j.records[at]))
				if random.IntN(100) == 0 || at+1 == int64(len(j.records)) {
					next, err := lane.Checkpoint(dies)
					require.NoError(t, err)
					committed = min64(next)
				}
			}
			cancel() // as a process that is killed: nothing is finished
			require.NoError(t, lane.Close())
		}
		require.NotEmpty(t, want)
		equal(t, want, store.Session("demo"))
		repeats := 0
		for _, n := range store.count {
			repeats += n - 1
		}
		t.Logf("round %d: %d events, %d repeated", round, len(store.said), repeats)
	}
}

func min64(offsets map[string]int64) int64 {
	least := int64(1 << 62)
	for _, o := range offsets {
		least = min(least, o)
	}
	return least
}

func TestAWorkerOfAnotherContractSaysSo(t *testing.T) {
	engine := openEngine(t)
	lane, err := newWorker(t, engine, memory.New(memory.Default()), nil).Open(t.Context(), 0, nil)
	require.NoError(t, err)
	j := &journal{}
	r, err := wire.Encode("demo", &valencev1.Features{Contract: "sha256:other", Origin: "a", Sequence: 1, Steps: []*valencev1.Step{{Kind: &valencev1.Step_Advance{Advance: &valencev1.Advance{Time: timestamppb.Now()}}}}}, wire.Protobuf, wire.Meta{Participant: "maya"})
	require.NoError(t, err)
	j.add(wire.TopicFeatures, r)
	err = lane.Handle(t.Context(), j.records[0])
	require.ErrorIs(t, err, kafka.ErrPoison)
	require.ErrorContains(t, err, "the same model")
	require.NoError(t, lane.Close())
}
