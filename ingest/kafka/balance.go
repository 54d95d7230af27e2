package kafka

import (
	"fmt"
	"maps"
	"slices"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/consumer"
	"github.com/segmentio/kafka-go/protocol/joingroup"
	"github.com/segmentio/kafka-go/protocol/syncgroup"
)

// assign gives the numbers below partitions to the members, the same of every
// topic.
func (m *member) assign(members []joingroup.ResponseMember, partitions int) ([]syncgroup.RequestAssignment, error) {
	owned := map[string][]int{}
	for _, member := range members {
		var s consumer.Subscription
		if err := protocol.Unmarshal(member.Metadata, consumer.MaxVersionSupported, &s); err != nil {
			return nil, fmt.Errorf("%w: the metadata of member %s: %w", errProtocol, member.MemberID, err)
		}
		if !slices.Equal(slices.Sorted(slices.Values(s.Topics)), slices.Sorted(slices.Values(m.cfg.Topics))) {
			return nil, fmt.Errorf("%w: the members of the group %s read different topics, %v and %v: give each role its own ingest.kafka.group", ErrConfig, m.cfg.Group, s.Topics, m.cfg.Topics)
		}
		owned[member.MemberID] = nil
		for _, t := range s.OwnedPartitions {
			for _, p := range t.Partitions {
				owned[member.MemberID] = append(owned[member.MemberID], int(p))
			}
		}
	}
	var out []syncgroup.RequestAssignment
	for id, numbers := range balance(owned, partitions) {
		a := consumer.Assignment{Version: consumer.MaxVersionSupported}
		for _, topic := range m.cfg.Topics {
			tp := consumer.TopicPartition{Topic: topic}
			for _, p := range numbers {
				tp.Partitions = append(tp.Partitions, int32(p)) //nolint:gosec // G115: a partition number
			}
			a.AssignedPartitions = append(a.AssignedPartitions, tp)
		}
		text, err := protocol.Marshal(consumer.MaxVersionSupported, a)
		if err != nil {
			return nil, err
		}
		out = append(out, syncgroup.RequestAssignment{MemberID: id, Assignment: text})
	}
	return out, nil
}

// balance shares partitions out: each member gets the same number, or one more
// than another, and keeps of those that it owned as many as that allows.
func balance(owned map[string][]int, partitions int) map[string][]int {
	out := make(map[string][]int, len(owned))
	if len(owned) == 0 {
		return out
	}
	least, more := partitions/len(owned), partitions%len(owned)
	taken := make([]bool, partitions)
	// Those who have most keep the one more that some may have: that moves least.
	members := slices.SortedFunc(maps.Keys(owned), func(a, b string) int {
		if d := len(owned[b]) - len(owned[a]); d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
	share := map[string]int{}
	for i, id := range members {
		if share[id] = least; i < more {
			share[id]++
		}
		out[id] = []int{}
		for _, p := range slices.Sorted(slices.Values(owned[id])) {
			if 0 <= p && p < partitions && !taken[p] && len(out[id]) < share[id] {
				out[id], taken[p] = append(out[id], p), true
			}
		}
	}
	next := 0
	for _, id := range members {
		for ; next < partitions && len(out[id]) < share[id]; next++ {
			if !taken[next] {
				out[id], taken[next] = append(out[id], next), true
			}
		}
		slices.Sort(out[id])
	}
	return out
}

// assigned reads which partition numbers this member has. All topics have the
// same, by our balancer; an empty text is none.
func assigned(text []byte, topics []string) ([]int, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var a consumer.Assignment
	if err := protocol.Unmarshal(text, consumer.MaxVersionSupported, &a); err != nil {
		return nil, fmt.Errorf("%w: the assignment: %w", errProtocol, err)
	}
	var out []int
	for _, t := range a.AssignedPartitions {
		if t.Topic != topics[0] {
			continue
		}
		for _, p := range t.Partitions {
			out = append(out, int(p))
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(out))), nil
}
