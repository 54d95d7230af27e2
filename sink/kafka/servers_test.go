//go:build servers

package kafka_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/brokers"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/kafka"
	"github.com/valence-live/valence/sink/outbox"
	"github.com/valence-live/valence/sink/sinktest"
)

func TestConformanceWithARealBroker(t *testing.T) {
	server := brokers.Kafka(t)
	n := 0
	sinktest.Run(t, func(t *testing.T) sinktest.Harness {
		t.Helper()
		cfg := settings(server.Addr)
		n++
		cfg.EventsTopic, cfg.ScoresTopic = fmt.Sprintf("events-%d", n), fmt.Sprintf("scores-%d", n)
		cfg.Partitions = 1
		p := open(t, cfg)
		require.Eventually(t, func() bool { return p.Check(t.Context()) == nil }, 2*time.Minute, 100*time.Millisecond)
		return sinktest.Harness{Publisher: p, Close: p.Close, Events: func(t *testing.T, session string) []*sink.Event {
			t.Helper()
			return events(t, server.Addr, cfg.EventsTopic, session)
		}}
	})
}

func TestKafkasOwnConsumerReadsEvents(t *testing.T) {
	server := brokers.Kafka(t)
	cfg := settings(server.Addr)
	p := open(t, cfg)
	e := sinktest.Event("call", "alice", 1)
	require.Eventually(t, func() bool { return p.Publish(t.Context(), e) == nil }, 2*time.Minute, 100*time.Millisecond)
	require.NoError(t, p.Erase(t.Context(), "call", "alice"))
	consume := func(topic string) string {
		out, err := server.Tool(t.Context(), "consumer.ConsoleConsumer", "--topic", topic, "--from-beginning", "--max-messages", "2",
			"--timeout-ms", "30000", "--formatter-property", "print.key=true", "--formatter-property", "print.headers=true").Output()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	line, err := sink.Encode(e)
	require.NoError(t, err)
	got := consume(cfg.EventsTopic)
	assert.Contains(t, got, string(line))
	assert.Contains(t, got, "content-type:application/json,ce_specversion:1.0,ce_id:"+e.ID+"#1,ce_source:/valence,ce_type:live.valence.event.v1,ce_time:2026-03-02T09:30:01Z,participant:alice,traceparent:"+e.Traceparent+"\tcall\t{")
	assert.Contains(t, consume(cfg.ScoresTopic), "participant:alice\tcall/alice\tnull")
}

func TestTheBrokerCompactsScores(t *testing.T) {
	server := brokers.Kafka(t)
	cfg := settings(server.Addr)
	cfg.Partitions = 1
	p := open(t, cfg)
	require.Eventually(t, func() bool { return p.Check(t.Context()) == nil }, 2*time.Minute, 100*time.Millisecond)
	out, err := server.Tool(t.Context(), "TopicCommand", "--describe", "--topic", cfg.ScoresTopic).Output()
	require.NoError(t, err)
	assert.Contains(t, string(out), "PartitionCount: 1")
	assert.Contains(t, string(out), "cleanup.policy=compact,delete")
	assert.Contains(t, string(out), "retention.ms=604800000")
}

// A load is a few calls that publish at a steady rate through an outbox, until
// it is stopped.
type load struct {
	outbox *outbox.Outbox
	stop   func() map[string]int // events published, by session
}

const calls = 20

func begin(t *testing.T, cfg kafka.Config) load {
	t.Helper()
	p := open(t, cfg)
	o, err := outbox.New("kafka", outbox.Default(), p, telemetry.Nop())
	require.NoError(t, err)
	require.NoError(t, o.Start(t.Context()))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	counts := make([]int, calls)
	for i := range calls {
		running.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				if err := o.Publish(ctx, sinktest.Event(fmt.Sprintf("call-%d", i), "alice", counts[i])); err == nil {
					counts[i]++
				}
				select {
				case <-ctx.Done():
				case <-tick.C:
				}
			}
		})
	}
	stop := sync.OnceValue(func() map[string]int {
		cancel()
		running.Wait()
		flush, done := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
		defer done()
		assert.NoError(t, o.Flush(flush))
		assert.NoError(t, o.Shutdown(flush))
		assert.NoError(t, p.Close())
		published := map[string]int{}
		for i, n := range counts {
			published[fmt.Sprintf("call-%d", i)] = n
		}
		return published
	})
	t.Cleanup(func() { stop() })
	return load{o, stop}
}

// complete checks that nothing is missing or out of order, and returns how many
// events are there more than once.
func complete(t *testing.T, addr string, cfg kafka.Config, published map[string]int) (repeated int) {
	t.Helper()
	own := map[string][]*sink.Event{}
	for _, e := range events(t, addr, cfg.EventsTopic, "") {
		own[e.Session] = append(own[e.Session], e)
	}
	last := map[string]*sink.Event{}
	for _, e := range events(t, addr, cfg.ScoresTopic, "") {
		last[e.Session] = e
	}
	for session, n := range published {
		newest := sink.Newest(own[session])
		require.Len(t, newest, n, session)
		for i, e := range newest {
			require.Equal(t, sinktest.Start().Add(time.Duration(i)*time.Second), e.Window.End, "%s: first appearances are in order", session)
		}
		require.Equal(t, newest[n-1].ID, last[session].ID, "%s: the latest score is the newest", session)
		repeated += len(own[session]) - n
	}
	return repeated
}

func TestNothingIsLostWhileTheBrokerIsAway(t *testing.T) {
	for what, trouble := range map[string]struct {
		begin, end func(s *brokers.Server)
		lasts      time.Duration
	}{
		"stopped": {(*brokers.Server).Stop, (*brokers.Server).Restart, 10 * time.Second},
		"killed":  {(*brokers.Server).Kill, (*brokers.Server).Restart, time.Second},
		"frozen":  {(*brokers.Server).Pause, (*brokers.Server).Resume, 20 * time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			server := brokers.Kafka(t)
			cfg := settings(server.Addr)
			cfg.Timeout = 2 * time.Second
			require.Eventually(t, func() bool { return open(t, cfg).Check(t.Context()) == nil }, 2*time.Minute, 100*time.Millisecond)
			l := begin(t, cfg)
			time.Sleep(2 * time.Second)
			trouble.begin(server)
			time.Sleep(trouble.lasts)
			waiting := l.outbox.Waiting()
			trouble.end(server)
			back := time.Now()
			require.Eventually(t, func() bool { return l.outbox.Waiting() < waiting/2 }, 2*time.Minute, 10*time.Millisecond)
			recovery := time.Since(back)
			time.Sleep(2 * time.Second)
			published := l.stop()
			repeated := complete(t, server.Addr, cfg, published)
			t.Logf("%s for %s: %d events waited, they left %s after, %d events are there twice", what, trouble.lasts, waiting, recovery.Round(10*time.Millisecond), repeated)
		})
	}
}

func BenchmarkPublishToARealBroker(b *testing.B) {
	server := brokers.Kafka(b)
	for _, format := range []kafka.Format{kafka.FormatJSON, kafka.FormatProtobuf} {
		for _, scores := range []bool{false, true} {
			for _, compression := range []kafka.Compression{"none", "snappy", "lz4", "zstd"} {
				b.Run(fmt.Sprintf("%s,scores=%v,%s", format, scores, compression), func(b *testing.B) {
					cfg := settings(server.Addr)
					cfg.Partitions, cfg.Format, cfg.Compression = 12, format, compression
					cfg.EventsTopic = strings.NewReplacer("/", "-", "=", "-", ",", "-", "#", "-").Replace(b.Name())
					cfg.ScoresTopic = ""
					if scores {
						cfg.ScoresTopic = cfg.EventsTopic + "-scores"
					}
					bench(b, cfg)
				})
			}
		}
	}
}

func TestARealBrokerThatAsksWhoWeAreTakesEventsByEachMechanism(t *testing.T) {
	cert := brokers.NewCertificate(t)
	_, guarded := brokers.SecureKafka(t, "valence", "correct horse", cert)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) { letIn(t, guarded, mechanism, cert) })
	}
}
