package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/kafka"
	"github.com/valence-live/valence/sink/outbox"
	"github.com/valence-live/valence/sink/sinktest"
)

func TestConformance(t *testing.T) {
	for _, format := range []kafka.Format{kafka.FormatJSON, kafka.FormatProtobuf} {
		t.Run(string(format), func(t *testing.T) {
			sinktest.Run(t, func(t *testing.T) sinktest.Harness {
				t.Helper()
				_, cfg := broker(t)
				cfg.Format = format
				p := open(t, cfg)
				return sinktest.Harness{Publisher: p, Close: p.Close, Events: func(t *testing.T, session string) []*sink.Event {
					t.Helper()
					return events(t, cfg.Brokers[0], cfg.EventsTopic, session)
				}}
			})
		})
	}
}

func TestConformanceBehindAnOutbox(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sinktest.Harness {
		t.Helper()
		_, cfg := broker(t)
		p := open(t, cfg)
		o, err := outbox.New("kafka", outbox.Default(), p, telemetry.Nop())
		require.NoError(t, err)
		require.NoError(t, o.Start(t.Context()))
		t.Cleanup(func() { _ = o.Shutdown(context.Background()) })
		return sinktest.Harness{
			Publisher: o, Close: func() error { return o.Shutdown(context.Background()) },
			Events: func(t *testing.T, session string) []*sink.Event {
				t.Helper()
				require.NoError(t, o.Flush(t.Context()))
				return events(t, cfg.Brokers[0], cfg.EventsTopic, session)
			},
		}
	})
}

func TestTopicsAreMadeAsStated(t *testing.T) {
	_, cfg := broker(t)
	cfg.Retention, cfg.ScoresRetention = time.Hour, 0
	p := open(t, cfg)
	require.NoError(t, p.Check(t.Context()))
	for topic, want := range map[string]map[string]string{
		cfg.EventsTopic: {"cleanup.policy": "delete", "retention.ms": "3600000"},
		cfg.ScoresTopic: {"cleanup.policy": "compact"},
	} {
		answer, err := asker(t, cfg.Brokers[0]).DescribeConfigs(t.Context(), &kafkago.DescribeConfigsRequest{
			Resources: []kafkago.DescribeConfigRequestResource{{ResourceType: kafkago.ResourceTypeTopic, ResourceName: topic}},
		})
		require.NoError(t, err)
		got := map[string]string{}
		for _, entry := range answer.Resources[0].ConfigEntries {
			if _, stated := want[entry.ConfigName]; stated {
				got[entry.ConfigName] = entry.ConfigValue
			}
		}
		assert.Equal(t, want, got, topic)
		partitions, err := (&kafkago.Dialer{}).LookupPartitions(t.Context(), "tcp", cfg.Brokers[0], topic)
		require.NoError(t, err)
		assert.Len(t, partitions, cfg.Partitions)
	}
	require.NoError(t, p.Check(t.Context()), "topics that are there are left alone")
}

func TestATopicThatCannotBeMadeIsSaidWithTheCommandThatMakesIt(t *testing.T) {
	c, cfg := broker(t)
	cfg.Create = false
	p := open(t, cfg)
	err := p.Check(t.Context())
	require.ErrorIs(t, err, kafka.ErrTopic)
	require.ErrorContains(t, err, "--create --topic valence.events --partitions 3 --config cleanup.policy=delete --config retention.ms=604800000")
	require.ErrorContains(t, err, "--create --topic valence.scores --partitions 3 --config cleanup.policy=compact,delete")
	require.Error(t, p.Publish(t.Context(), sinktest.Event("call", "alice", 1)))

	cfg.Create = true
	c.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		answer := r.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, topic := range r.(*kmsg.CreateTopicsRequest).Topics {
			one := kmsg.NewCreateTopicsResponseTopic()
			one.Topic, one.ErrorCode = topic.Topic, kerr.TopicAuthorizationFailed.Code
			answer.Topics = append(answer.Topics, one)
		}
		return answer, nil, true
	})
	err = open(t, cfg).Check(t.Context())
	require.ErrorIs(t, err, kafka.ErrTopic)
	require.ErrorContains(t, err, "make it by: kafka-topics.sh")
}

func TestTheLatestScoreNeverGoesBack(t *testing.T) {
	_, cfg := broker(t)
	p := open(t, cfg)
	latest := func() *sink.Event {
		all := events(t, cfg.Brokers[0], cfg.ScoresTopic, "call")
		return all[len(all)-1]
	}
	publish := func(second, revision int) *sink.Event {
		e := sinktest.Event("call", "alice", second)
		e.Revision = revision
		require.NoError(t, p.Publish(t.Context(), e))
		return e
	}
	publish(5, 0)
	newest := publish(5, 1)
	publish(4, 2)
	publish(5, 0)
	assert.Equal(t, newest, latest())
	assert.Equal(t, publish(5, 2), latest())
	assert.Equal(t, publish(6, 0), latest())
	assert.Len(t, events(t, cfg.Brokers[0], cfg.EventsTopic, "call"), 6, "the topic of events has them all")
}

func TestErasingPutsATombstoneInBothTopics(t *testing.T) {
	_, cfg := broker(t)
	p := open(t, cfg)
	require.NoError(t, p.Publish(t.Context(), sinktest.Event("call", "alice", 5)))
	require.NoError(t, p.Erase(t.Context(), "call", "alice"))
	for topic, key := range map[string]string{cfg.EventsTopic: "call", cfg.ScoresTopic: "call/alice"} {
		all := read(t, cfg.Brokers[0], topic)
		last := all[len(all)-1]
		assert.Nil(t, last.Value, topic)
		assert.Equal(t, key, string(last.Key))
		who, _ := record(last).Header("participant")
		assert.Equal(t, "alice", who)
	}
	require.NoError(t, p.Publish(t.Context(), sinktest.Event("call", "alice", 4)))
	all := read(t, cfg.Brokers[0], cfg.ScoresTopic)
	assert.NotNil(t, all[len(all)-1].Value, "who comes again begins anew")
}

// refuse has the broker refuse so many requests to write.
func refuse(c *kfake.Cluster, n int64, code int16) *atomic.Int64 {
	var left atomic.Int64
	left.Store(n)
	c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if left.Add(-1) < 0 {
			return nil, nil, false
		}
		answer := r.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range r.(*kmsg.ProduceRequest).Topics {
			one := kmsg.NewProduceResponseTopic()
			one.Topic, one.TopicID = topic.Topic, topic.TopicID
			for _, partition := range topic.Partitions {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition, p.ErrorCode = partition.Partition, code
				one.Partitions = append(one.Partitions, p)
			}
			answer.Topics = append(answer.Topics, one)
		}
		return answer, nil, true
	})
	return &left
}

func TestABatchSaysWhichEventsFailed(t *testing.T) {
	c, cfg := broker(t)
	p := open(t, cfg)
	require.NoError(t, p.Check(t.Context()))
	huge := sinktest.Event("huge", "alice", 1)
	huge.Model.Name = strings.Repeat("x", cfg.MaxRequest)
	err := p.PublishBatch(t.Context(), []*sink.Event{sinktest.Event("one", "alice", 1), huge, sinktest.Event("two", "alice", 1)})
	batch, ok := errors.AsType[*outbox.BatchError](err)
	require.True(t, ok)
	require.ErrorIs(t, batch.Errs[1], outbox.ErrRefused)
	assert.NoError(t, batch.Errs[0])
	assert.NoError(t, batch.Errs[2])
	assert.Len(t, events(t, cfg.Brokers[0], cfg.EventsTopic, "two"), 1)

	refuse(c, 1, kerr.MessageTooLarge.Code)
	cfg.ScoresTopic = ""
	require.ErrorIs(t, open(t, cfg).Publish(t.Context(), sinktest.Event("one", "alice", 2)), outbox.ErrRefused)
}

// A broker that refuses at random, and batches of many partitions.
func TestWhatFailsIsSentAgainInOrder(t *testing.T) {
	c, cfg := broker(t)
	cfg.MaxRequest = 10_000 // some requests for each batch and partition
	p := open(t, cfg)
	require.NoError(t, p.Check(t.Context()))
	left := refuse(c, 0, kerr.NotEnoughReplicas.Code)
	settings := outbox.Default()
	settings.RetryMin, settings.RetryMax, settings.Full = time.Millisecond, 10*time.Millisecond, outbox.Block
	o, err := outbox.New("kafka", settings, p, telemetry.Nop())
	require.NoError(t, err)
	require.NoError(t, o.Start(t.Context()))
	defer func() { require.NoError(t, o.Shutdown(context.Background())) }()
	const sessions, windows = 7, 200
	for i := range windows {
		for s := range sessions {
			require.NoError(t, o.Publish(t.Context(), sinktest.Event(fmt.Sprintf("call-%d", s), "alice", i)))
		}
		if i%20 == 0 {
			left.Store(3)
		}
	}
	require.NoError(t, o.Flush(t.Context()))
	for s := range sessions {
		got := events(t, cfg.Brokers[0], cfg.EventsTopic, fmt.Sprintf("call-%d", s))
		first := sink.Newest(got)
		require.Len(t, first, windows)
		for i, e := range first {
			require.Equal(t, sinktest.Start().Add(time.Duration(i)*time.Second), e.Window.End, "first appearances are in order")
		}
		scores := events(t, cfg.Brokers[0], cfg.ScoresTopic, fmt.Sprintf("call-%d", s))
		assert.Equal(t, first[windows-1], scores[len(scores)-1])
	}
}

// A request without an answer that is written after what came later: kafka-go
// cannot prevent it, so the latest score is written once more.
func TestAScoreThatWasOvertakenIsWrittenOnceMore(t *testing.T) {
	c, cfg := broker(t)
	cfg.Timeout = 3 * time.Second
	p := open(t, cfg)
	require.NoError(t, p.Check(t.Context()))
	left := refuse(c, 2, kerr.RequestTimedOut.Code) // the event and the score
	require.Error(t, p.Publish(t.Context(), sinktest.Event("call", "alice", 1)))
	left.Store(0)
	newest := sinktest.Event("call", "alice", 2)
	require.NoError(t, p.Publish(t.Context(), sinktest.Event("call", "alice", 1)))
	require.NoError(t, p.Publish(t.Context(), newest))
	// The lost request arrives.
	stale := sinktest.Event("call", "alice", 1)
	late := open(t, cfg)
	require.NoError(t, late.Publish(t.Context(), stale))
	require.Eventually(t, func() bool {
		scores := events(t, cfg.Brokers[0], cfg.ScoresTopic, "call")
		return scores[len(scores)-1].ID == newest.ID
	}, 2*time.Minute, 100*time.Millisecond)
}

func TestCloseWritesDoubtfulScoresOnceMore(t *testing.T) {
	c, cfg := broker(t)
	p, err := kafka.New(cfg, telemetry.Nop())
	require.NoError(t, err)
	require.NoError(t, p.Check(t.Context()))
	refuse(c, 2, kerr.RequestTimedOut.Code)
	require.Error(t, p.Publish(t.Context(), sinktest.Event("call", "alice", 1)))
	require.NoError(t, p.Publish(t.Context(), sinktest.Event("call", "alice", 1)))
	require.NoError(t, p.Erase(t.Context(), "call", "alice"))
	require.NoError(t, p.Close())
	all := read(t, cfg.Brokers[0], cfg.ScoresTopic)
	require.Len(t, all, 3)
	assert.Nil(t, all[1].Value)
	assert.Nil(t, all[2].Value, "an erased person stays erased")
}

func TestABrokerThatIsAwayFailsWithinTheTimeout(t *testing.T) {
	c, cfg := broker(t)
	cfg.Timeout = 5 * time.Second
	p := open(t, cfg)
	require.NoError(t, p.Publish(t.Context(), sinktest.Event("call", "alice", 1)))
	c.Close()
	began := time.Now()
	require.ErrorIs(t, p.Publish(t.Context(), sinktest.Event("call", "alice", 2)), kafka.ErrUnavailable)
	assert.Less(t, time.Since(began), time.Minute)
}

func TestTheTraceOfAnEventGoesOn(t *testing.T) {
	_, cfg := broker(t)
	p := open(t, cfg)
	e := sinktest.Event("call", "alice", 1)
	e.State = features.Provisional
	require.NoError(t, p.Publish(t.Context(), e))
	assert.Equal(t, e.Traceparent, record(read(t, cfg.Brokers[0], cfg.EventsTopic)[0]).Traceparent())
}

func TestEveryCompressionIsRead(t *testing.T) {
	for _, name := range []kafka.Compression{"none", "gzip", "snappy", "lz4", "zstd"} {
		_, cfg := broker(t)
		cfg.Compression = name
		require.NoError(t, open(t, cfg).Publish(t.Context(), sinktest.Event("call", "alice", 1)))
		assert.Len(t, events(t, cfg.Brokers[0], cfg.EventsTopic, "call"), 1, name)
	}
}
