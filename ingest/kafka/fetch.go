package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// maxResponse bounds what a broker may make us allocate. It sends one whole
// batch even if that is longer than asked for.
const maxResponse = 1 << 28

// errProtocol says that a broker's answer makes no sense.
var errProtocol = errors.New("the broker's answer cannot be read")

// fetched is the answer to a fetch of one partition.
type fetched struct {
	code   kafkago.Error
	end    int64 // where reading can go at the moment: the last stable offset
	start  int64 // the oldest offset that is kept, -1 if not told
	failed []failedTransaction
	raw    []byte // record batches; the last one may be cut off
}

// failedTransaction is one whose records from an offset on were not meant.
type failedTransaction struct{ producer, first int64 }

func (*fetched) ApiKey() protocol.ApiKey { return protocol.Fetch } //nolint:revive // kafka-go's name

// fetchRequest is kafka-go's with an answer of our own: kafka-go drops the time
// at which the broker wrote a record, does not leave out what failed
// transactions wrote, and stands still at a batch that was compacted away.
type fetchRequest struct {
	fetch.Request
	version int16
}

var (
	_ protocol.RawExchanger    = (*fetchRequest)(nil)
	_ protocol.PreparedMessage = (*fetchRequest)(nil)
	_ protocol.BrokerMessage   = (*fetchRequest)(nil)
)

// Prepare is told the version that client and broker agreed on.
func (f *fetchRequest) Prepare(version int16) { f.version = version }

// Required says that RawExchange does it.
func (f *fetchRequest) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange writes the request and reads the answer.
func (f *fetchRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if f.version < 4 {
		return nil, fmt.Errorf("%w: it is older than Kafka 0.11", errProtocol)
	}
	if err := protocol.WriteRequest(rw, f.version, 1, "valence", &f.Request); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(rw, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 4 || n > maxResponse {
		return nil, fmt.Errorf("%w: it has %d bytes", errProtocol, n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(rw, body); err != nil {
		return nil, err
	}
	return parseFetch(f.version, body)
}

// fetch asks for the records of one partition from an offset on. Where there
// are none the broker waits for some, at most as long as wait.
func (c *client) fetch(ctx context.Context, topic string, partition int, from int64, size int, wait time.Duration) (*fetched, error) {
	request := &fetchRequest{Request: fetch.Request{
		ReplicaID:      -1,
		MaxWaitTime:    int32(wait / time.Millisecond), //nolint:gosec // G115: less than a second
		MinBytes:       1,
		MaxBytes:       int32(size), //nolint:gosec // G115: Validate bounds it
		IsolationLevel: 1,           // read committed
		SessionEpoch:   -1,
		Topics: []fetch.RequestTopic{{Topic: topic, Partitions: []fetch.RequestPartition{{
			Partition:          int32(partition), //nolint:gosec // G115: a partition number
			CurrentLeaderEpoch: -1,
			FetchOffset:        from,
			LogStartOffset:     -1,
			PartitionMaxBytes:  int32(size), //nolint:gosec // G115: Validate bounds it
		}}}},
	}}
	answer, err := c.ask(ctx, wait+c.timeout, request)
	if err != nil {
		return nil, err
	}
	f, ok := answer.(*fetched)
	if !ok {
		return nil, fmt.Errorf("%w: a %T instead of a fetch", errProtocol, answer)
	}
	if f.code != 0 {
		return f, fmt.Errorf("fetch from %s/%d at %d: %w", topic, partition, from, f.code)
	}
	return f, nil
}

// parseFetch reads the body of a fetch response of one partition, versions 4 to
// 11 (Kafka's FetchResponse.json).
func parseFetch(version int16, body []byte) (*fetched, error) {
	r := reader{rest: body}
	r.skip(4 + 4) // correlation id, throttle time
	f := &fetched{}
	if version >= 7 {
		f.code = kafkago.Error(r.int16())
		r.skip(4) // session id
	}
	topics := r.int32()
	if f.code != 0 || r.failed {
		return f, r.err()
	}
	if topics != 1 {
		return nil, fmt.Errorf("%w: %d topics instead of 1", errProtocol, topics)
	}
	r.skip(int(uint16(r.int16()))) //nolint:gosec // G115: a length is never negative
	if partitions := r.int32(); !r.failed && partitions != 1 {
		return nil, fmt.Errorf("%w: %d partitions instead of 1", errProtocol, partitions)
	}
	r.skip(4) // partition number
	f.code = kafkago.Error(r.int16())
	high := r.int64()
	f.end, f.start = r.int64(), -1
	if f.end < 0 {
		f.end = high
	}
	if version >= 5 {
		f.start = r.int64()
	}
	for range max(0, r.int32()) {
		f.failed = append(f.failed, failedTransaction{r.int64(), r.int64()})
		if r.failed {
			return nil, r.err()
		}
	}
	if version >= 11 {
		r.skip(4) // preferred read replica
	}
	f.raw = r.bytes(int(max(0, r.int32())))
	return f, r.err()
}
