//go:build servers

package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/valence-live/valence/sink"
)

// trouble is one kind of it. It returns when the cause is gone: from then on it
// is counted how long the scores take to be in time again.
type trouble struct {
	name   string
	length time.Duration // of the calls
	strike func(s *stage, program string, random *rand.Rand)
}

// troubles are all kinds. Outages are short unless CHAOS_FULL is set.
func troubles() []trouble {
	away, frozen := 4*time.Second, 4*time.Second
	if os.Getenv("CHAOS_FULL") != "" {
		away, frozen = 30*time.Second, 20*time.Second
	}
	outage := func(d time.Duration) { <-time.After(d) }
	return []trouble{
		{"poison", 20 * time.Second, func(*stage, string, *rand.Rand) {}},
		{"kill", 24 * time.Second, func(s *stage, program string, _ *rand.Rand) {
			s.remove(syscall.SIGKILL)
			s.add(program)
		}},
		{"rebalance", 24 * time.Second, func(s *stage, program string, random *rand.Rand) {
			s.add(program)
			outage(time.Duration(random.IntN(4000)) * time.Millisecond)
			s.remove(syscall.SIGTERM)
			outage(time.Duration(random.IntN(2000)) * time.Millisecond)
			s.add(program)
			s.remove(syscall.SIGTERM)
		}},
		{"broker-away", 20 * time.Second, func(s *stage, _ string, _ *rand.Rand) {
			s.kafka.Stop()
			outage(away)
			s.kafka.Restart()
		}},
		{"broker-frozen", 20 * time.Second, func(s *stage, _ string, _ *rand.Rand) {
			s.kafka.Pause()
			outage(frozen)
			s.kafka.Resume()
		}},
		{"redis-away", 20 * time.Second, func(s *stage, _ string, _ *rand.Rand) {
			s.redis.Stop()
			outage(away)
			s.redis.Restart()
		}},
	}
}

// everything is all of it in one round.
func everything() trouble {
	return trouble{"everything", 30 * time.Second, func(s *stage, program string, random *rand.Rand) {
		for _, t := range troubles() {
			t.strike(s, program, random)
		}
	}}
}

// Whatever happens to workers, broker and Redis: every final score of every person is
// in the topic, no copy of it says something else, and Redis has the newest.
func TestNothingIsLostAndNothingIsContradicted(t *testing.T) {
	t.Parallel()
	rounds, kinds := 1, []trouble{everything()}
	if n, err := strconv.Atoi(os.Getenv("CHAOS_ROUNDS")); err == nil {
		rounds, kinds = n, troubles()
	}
	if only := os.Getenv("CHAOS_ONLY"); only != "" {
		kinds = slices.DeleteFunc(append(troubles(), everything()), func(k trouble) bool { return !slices.Contains(strings.Split(only, ","), k.name) })
	}
	engine := openEngine(t)
	a := &arena{t: t, program: built(t), stage: newStage(t), tape: record(t, engine), engine: engine}
	a.stage.env = append(a.stage.env, fmt.Sprintf("VALENCE_INGEST_KAFKA_PARTITIONS=%d", partitions), fmt.Sprintf("VALENCE_SINK_KAFKA_PARTITIONS=%d", partitions))
	for range 2 {
		a.stage.add(a.program)
	}
	a.reader, a.producer = a.stage.read(), a.stage.newProducer()
	for _, k := range kinds {
		for i := range rounds {
			if rounds > 1 && a.long == nil {
				a.long = a.start("long", 0, 150*time.Second, 2) // which sees several rounds
			}
			a.round(k, i)
			if a.long != nil && time.Now().After(a.long.end) {
				a.finish(a.long, a.long.end)
				a.long = nil
			}
		}
	}
	if a.long != nil {
		a.finish(a.long, a.long.end)
	}
	t.Logf("\n%s", table(a.verdicts))
}

// group are calls that begin about the same time, and what must be said of them.
type group struct {
	kind   string
	number int
	start  time.Time
	end    time.Time
	calls  map[string][]spoken
	load   *load

	compared sync.WaitGroup
	want     map[string][]*sink.Event
}

// start begins calls of two people each, in all partitions.
func (a *arena) start(kind string, number int, length time.Duration, n int) *group {
	a.number++
	g := &group{kind: kind, number: number, start: time.Now().Truncate(time.Second).Add(2 * time.Second), calls: map[string][]spoken{}, want: map[string][]*sink.Event{}}
	for i := range n {
		begins := g.start.Add(time.Duration(i) * time.Second)
		// Some are over before others of their partition.
		end := begins.Add(length - time.Duration(rand.IntN(6))*time.Second)
		id := in(i%partitions, fmt.Sprintf("%s-%d-%d", kind, a.number, i))
		g.calls[id] = a.tape.call(a.t, id, begins, end.Sub(begins))
		if end.After(g.end) {
			g.end = end
		}
	}
	g.load = a.stage.begin(a.producer, uint64(a.number), g.calls)
	g.compared.Go(func() {
		for id, records := range g.calls {
			g.want[id] = undisturbed(a.t, a.engine, records)
		}
	})
	return g
}

// partitions are few, so that calls share them.
const partitions = 4

// in returns an id, made of another, whose records fall into a partition.
func in(partition int, id string) string {
	for i := 0; ; i++ {
		long := id + "-" + strconv.Itoa(i)
		record := &kgo.Record{Key: []byte(long)}
		if kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(record, partitions) == partition {
			return long
		}
	}
}

// round is one trouble under load.
func (a *arena) round(k trouble, number int) {
	random := rand.New(rand.NewPCG(rand.Uint64(), 1))
	g := a.start(k.name, number, k.length, 5)
	<-time.After(time.Until(g.start) + 6*time.Second + time.Duration(random.IntN(6000))*time.Millisecond)
	struck := time.Now()
	k.strike(a.stage, a.program, random)
	healed := time.Now()
	if k.name == "kill" {
		healed = struck // the crash itself, not the time at which the next process is up
	}
	a.finish(g, healed)
}

// finish waits for everything that must be said of the calls, and judges.
func (a *arena) finish(g *group, healed time.Time) {
	g.load.end()
	g.compared.Wait()
	whole := eventually(a.t, soon, func() bool {
		for id := range g.calls {
			if !a.reader.complete(id, g.want[id]) {
				return false
			}
		}
		return a.reader.lettersLost(g.load.poison) == 0
	})
	v := verdict{Kind: g.kind, Round: g.number + 1, DeadLetters: len(g.load.poison), LettersLost: a.reader.lettersLost(g.load.poison)}
	for id := range g.calls {
		v.judge(a.t, g.want[id], a.reader.of(id))
		v.time(a.reader.of(id), healed)
		// Redis may still be behind Kafka: each sink has its own pace.
		if !eventually(a.t, time.Minute, func() bool { return a.behind(id, g.want[id]) == 0 }) {
			v.Behind += a.behind(id, g.want[id])
		}
	}
	v.summarise()
	a.report(v)
	assert.True(a.t, whole, "%s: something is missing after all this time", g.kind)
	v.delays = nil
	assert.Zero(a.t, v.Lost+v.Different+v.Unexpected+v.Backwards+v.Behind+v.LettersLost, "%+v", v)
	assert.Empty(a.t, a.reader.strange)
}

// behind counts the people whose hash in Redis is not of their newest window.
func (a *arena) behind(session string, want []*sink.Event) (n int) {
	newest := map[string]*sink.Event{}
	for _, e := range want {
		if old := newest[e.Participant]; old == nil || e.Window.End.After(old.Window.End) || e.Window.End.Equal(old.Window.End) && e.Revision >= old.Revision {
			newest[e.Participant] = e
		}
	}
	for who, e := range newest {
		out, err := a.stage.redis.Tool(a.t.Context(), "HGET", "valence:{"+session+"}:participant:"+who, "event").Output()
		require.NoError(a.t, err)
		kept, err := sink.Decode([]byte(strings.TrimSpace(string(out))))
		if err != nil || !kept.Window.End.Equal(e.Window.End) || kept.Window.Kind == e.Window.Kind && content(a.t, kept) != content(a.t, e) {
			n++
		}
	}
	return n
}
