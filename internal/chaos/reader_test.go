//go:build servers

package chaos_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/eventpb"
)

// arrival is one copy of an event as a reader of the topic got it.
type arrival struct {
	event  *sink.Event
	at     time.Time
	offset int64
	record wire.Record
}

// letter is where a record came from that is in the dead-letter topic.
type letter struct{ partition, offset string }

// reader reads whole topics with a client that shares no code with the program.
type reader struct {
	client *kgo.Client
	done   chan struct{}

	mu      sync.Mutex
	calls   map[string][]arrival // by session, in the order of the partition
	letters map[letter]bool
	strange []error
}

func (s *stage) read() *reader {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.kafka.Addr), kgo.ConsumeTopics(wire.TopicEvents, wire.TopicDeadLetter),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(250*time.Millisecond), kgo.MetadataMaxAge(2*time.Second))
	require.NoError(s.t, err)
	r := &reader{client: client, done: make(chan struct{}), calls: map[string][]arrival{}, letters: map[letter]bool{}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	go func() {
		defer close(r.done)
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(r.take)
		}
	}()
	s.t.Cleanup(func() {
		cancel()
		<-r.done
		client.Close()
	})
	return r
}

func (r *reader) take(k *kgo.Record) {
	record := wire.Record{Key: k.Key, Value: k.Value}
	for _, h := range k.Headers {
		record.Headers = append(record.Headers, wire.Header(h))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if k.Topic == wire.TopicDeadLetter {
		var l letter
		l.partition, _ = record.Header("valence_partition")
		l.offset, _ = record.Header("valence_offset")
		r.letters[l] = true
		return
	}
	e, err := eventpb.Decode(record)
	if err != nil {
		r.strange = append(r.strange, err)
		return
	}
	r.calls[e.Session] = append(r.calls[e.Session], arrival{e, time.Now(), k.Offset, record})
}

// of returns what was read of a call so far.
func (r *reader) of(session string) []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clip(r.calls[session])
}

func (r *reader) lettersLost(sent []letter) (lost int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range sent {
		if !r.letters[l] {
			lost++
		}
	}
	return lost
}

// complete reports whether everything that was wanted of a call has come.
func (r *reader) complete(session string, want []*sink.Event) bool {
	there := map[string]bool{}
	for _, a := range r.of(session) {
		there[name(a.event)] = true
	}
	for _, e := range want {
		if !there[name(e)] {
			return false
		}
	}
	return true
}

// soon is when what must happen has happened, on a machine as busy as may be. It
// bounds a hang and measures nothing.
const soon = 5 * time.Minute

// eventually asks every tenth of a second, until a bound.
func eventually(t *testing.T, bound time.Duration, so func() bool) bool {
	t.Helper()
	deadline := time.Now().Add(bound)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for !so() {
		if <-ticker.C; time.Now().After(deadline) {
			return false
		}
	}
	return true
}
