package kafka_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/internal/wire"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/eventpb"
	"github.com/valence-live/valence/sink/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// broker is a fake one in this process.
func broker(tb testing.TB) (*kfake.Cluster, kafka.Config) {
	tb.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(tb, err)
	tb.Cleanup(c.Close)
	return c, settings(c.ListenAddrs()...)
}

func settings(addrs ...string) kafka.Config {
	cfg := kafka.Default()
	cfg.Brokers, cfg.Partitions, cfg.Timeout = addrs, 3, 20*time.Second // the machine that tests may be busy
	cfg.Compression = "none"                                            // the race detector makes the others slow; TestEveryCompressionIsRead has them all
	return cfg
}

func open(tb testing.TB, cfg kafka.Config) *kafka.Publisher {
	tb.Helper()
	p, err := kafka.New(cfg, telemetry.Nop())
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, p.Close()) })
	return p
}

func asker(tb testing.TB, addr string) *kafkago.Client {
	tb.Helper()
	transport := &kafkago.Transport{MetadataTTL: 100 * time.Millisecond}
	tb.Cleanup(transport.CloseIdleConnections)
	return &kafkago.Client{Addr: kafkago.TCP(addr), Timeout: time.Minute, Transport: transport}
}

// read returns everything in a topic, partition by partition; nothing if it is
// not there.
func read(tb testing.TB, addr, topic string) (all []kafkago.Message) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 2*time.Minute)
	defer cancel()
	client := asker(tb, addr)
	about, err := client.Metadata(ctx, &kafkago.MetadataRequest{Topics: []string{topic}})
	require.NoError(tb, err)
	var requests []kafkago.OffsetRequest
	for _, partition := range about.Topics[0].Partitions {
		requests = append(requests, kafkago.LastOffsetOf(partition.ID))
	}
	if len(requests) == 0 {
		return nil
	}
	ends, err := client.ListOffsets(ctx, &kafkago.ListOffsetsRequest{Topics: map[string][]kafkago.OffsetRequest{topic: requests}})
	require.NoError(tb, err)
	for _, end := range ends.Topics[topic] {
		for offset := int64(0); offset < end.LastOffset; {
			answer, err := client.Fetch(ctx, &kafkago.FetchRequest{Topic: topic, Partition: end.Partition, Offset: offset, MinBytes: 1, MaxBytes: 1 << 22, MaxWait: time.Second})
			require.NoError(tb, err)
			require.NoError(tb, answer.Error)
			for {
				r, err := answer.Records.ReadRecord()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(tb, err)
				m := kafkago.Message{Topic: topic, Partition: end.Partition, Offset: r.Offset, Headers: r.Headers, Time: r.Time}
				m.Key, err = kafkago.ReadAll(r.Key)
				require.NoError(tb, err)
				m.Value, err = kafkago.ReadAll(r.Value)
				require.NoError(tb, err)
				if r.Offset >= offset {
					all, offset = append(all, m), r.Offset+1
				}
			}
		}
	}
	return all
}

func record(m kafkago.Message) wire.Record {
	r := wire.Record{Key: m.Key, Value: m.Value}
	for _, h := range m.Headers {
		r.Headers = append(r.Headers, wire.Header{Key: h.Key, Value: h.Value})
	}
	return r
}

// events are those of a session in a topic, or of all sessions, tombstones left out.
func events(tb testing.TB, addr, topic, session string) (own []*sink.Event) {
	tb.Helper()
	for _, m := range read(tb, addr, topic) {
		if m.Value == nil {
			continue
		}
		e, err := eventpb.Decode(record(m))
		require.NoError(tb, err)
		if session == "" || e.Session == session {
			own = append(own, e)
		}
	}
	return own
}
