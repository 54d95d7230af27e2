//go:build servers

package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/valence-live/valence/internal/wire"
)

// load are calls that go on at once, and the poison between their records.
type load struct {
	t      *testing.T
	client *kgo.Client
	calls  map[string][]spoken

	playing sync.WaitGroup
	mu      sync.Mutex
	poison  []letter
	failed  error
	random  *rand.Rand
}

// poisoned is the share of records that nobody can read.
const poisoned = 0.01

// newProducer is a client that writes each record once, however long that takes.
func (s *stage) newProducer() *kgo.Client {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.kafka.Addr), kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(1_000_000),
		kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(250*time.Millisecond), kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	require.NoError(s.t, err)
	s.t.Cleanup(client.Close)
	return client
}

// begin starts to send calls, each record when it is due.
func (s *stage) begin(client *kgo.Client, seed uint64, calls map[string][]spoken) *load {
	l := &load{t: s.t, client: client, calls: calls, random: rand.New(rand.NewPCG(seed, 1))}
	for _, records := range calls {
		l.playing.Go(func() { l.play(records) })
	}
	return l
}

func (l *load) play(records []spoken) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, r := range records {
		if wait := time.Until(r.due); wait > 0 {
			timer.Reset(wait)
			<-timer.C
		}
		if bad, ok := l.spoil(r.Record); ok {
			l.send(bad, true)
		}
		l.send(r.Record, false)
	}
}

// spoil makes, now and then, a record that looks like another and cannot be read.
func (l *load) spoil(r wire.Record) (wire.Record, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.random.Float64() >= poisoned {
		return r, false
	}
	switch l.random.IntN(5) {
	case 0: // cut off
		r.Value = r.Value[:len(r.Value)-1]
	case 1: // of nobody
		r.Headers = nil
		r.Value = []byte(`{"contract":"sha256:0","steps":[]}`)
	case 2: // no value
		r.Value = nil
	case 3:
		r.Headers = []wire.Header{{Key: wire.HeaderContentType, Value: []byte("image/png")}}
	default:
		r.Key = nil
	}
	return r, true
}

func (l *load) send(r wire.Record, bad bool) {
	k := &kgo.Record{Topic: wire.TopicFeatures, Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		k.Headers = append(k.Headers, kgo.RecordHeader(h))
	}
	l.playing.Add(1)
	l.client.Produce(context.WithoutCancel(l.t.Context()), k, func(k *kgo.Record, err error) {
		defer l.playing.Done()
		l.mu.Lock()
		defer l.mu.Unlock()
		if err != nil {
			l.failed = fmt.Errorf("produce: %w", err)
		} else if bad {
			l.poison = append(l.poison, letter{partition: strconv.Itoa(int(k.Partition)), offset: strconv.FormatInt(k.Offset, 10)})
		}
	})
}

// end returns when everything is in the log.
func (l *load) end() {
	l.playing.Wait()
	require.NoError(l.t, l.failed)
}
