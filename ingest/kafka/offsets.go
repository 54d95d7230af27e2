package kafka

import (
	"context"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"
	"github.com/segmentio/kafka-go/protocol/offsetfetch"
)

// commit stores offsets of one partition number, by topic. The group refuses
// it from a member that is not in its generation any more.
func (m *member) commit(ctx context.Context, partition int, offsets map[string]int64) error {
	m.mu.Lock()
	request := &offsetcommit.Request{GroupID: m.cfg.Group, GenerationID: m.generation, MemberID: m.id, RetentionTimeMs: -1}
	m.mu.Unlock()
	for topic, at := range offsets {
		request.Topics = append(request.Topics, offsetcommit.RequestTopic{Name: topic, Partitions: []offsetcommit.RequestPartition{{
			PartitionIndex: int32(partition), CommittedOffset: at, CommittedLeaderEpoch: -1, //nolint:gosec // G115: a partition number
		}}})
	}
	answer, err := m.client.ask(ctx, m.client.timeout, request)
	if err != nil {
		return err
	}
	response, ok := answer.(*offsetcommit.Response)
	if !ok {
		return fmt.Errorf("%w: a %T instead of a commit", errProtocol, answer)
	}
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return fmt.Errorf("%s: %w", t.Name, kafkago.Error(p.ErrorCode))
			}
		}
	}
	return nil
}

// committed returns the offsets of one partition number, by topic; a topic of
// which none was committed is left out.
func (m *member) committed(ctx context.Context, partition int) (map[string]int64, error) {
	request := &offsetfetch.Request{GroupID: m.cfg.Group}
	for _, topic := range m.cfg.Topics {
		request.Topics = append(request.Topics, offsetfetch.RequestTopic{Name: topic, PartitionIndexes: []int32{int32(partition)}}) //nolint:gosec // G115: a partition number
	}
	answer, err := m.client.ask(ctx, m.client.timeout, request)
	if err != nil {
		return nil, fmt.Errorf("read the offsets of partition %d: %w", partition, err)
	}
	response, ok := answer.(*offsetfetch.Response)
	if !ok {
		return nil, fmt.Errorf("%w: a %T instead of offsets", errProtocol, answer)
	}
	if response.ErrorCode != 0 {
		return nil, fmt.Errorf("read the offsets of partition %d: %w", partition, kafkago.Error(response.ErrorCode))
	}
	out := map[string]int64{}
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return nil, fmt.Errorf("read the offset of %s/%d: %w", t.Name, partition, kafkago.Error(p.ErrorCode))
			}
			if p.CommittedOffset >= 0 {
				out[t.Name] = p.CommittedOffset
			}
		}
	}
	return out, nil
}
