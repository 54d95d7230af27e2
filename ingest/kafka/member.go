package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/consumer"
	"github.com/segmentio/kafka-go/protocol/heartbeat"
	"github.com/segmentio/kafka-go/protocol/joingroup"
	"github.com/segmentio/kafka-go/protocol/leavegroup"
	"github.com/segmentio/kafka-go/protocol/syncgroup"
)

// member is our seat in the group, by the classic protocol: join, sync,
// heartbeat, leave. kafka-go's ConsumerGroup is not used because it ends a
// generation at the first heartbeat that fails, whatever the reason, and does
// not say which; here a member outlives a broker that restarts, and knows
// whether it may still commit.
type member struct {
	client *client
	cfg    Config
	lease  *lease

	mu         sync.Mutex
	id         string // empty before the group has given one
	generation int32  // of the last sync; -2, which none follows, before that
}

// protocolName is our balancer's. Members of other programs cannot join the
// same group by mistake.
const protocolName = "valence-copartitioned"

// assignment is what this member has in a generation.
type assignment struct {
	generation int32
	partitions []int
	// continuous says that the generation follows the one before that this
	// member was in: nobody else can have had its partitions in between.
	continuous bool
	// leader is set where this member assigned the partitions, and counted them.
	leader  bool
	counted int
}

// stale reports whether an answer says that the group does not know this
// member any more: others may have its partitions.
func stale(err error) bool {
	return errors.Is(err, kafkago.UnknownMemberId) || errors.Is(err, kafkago.IllegalGeneration) || errors.Is(err, kafkago.FencedInstanceID)
}

// join takes part in one rebalance. owned are the partitions whose lanes stand
// still and may go on; count says how many partitions there are.
func (m *member) join(ctx context.Context, owned []int, count func(context.Context) (int, error)) (assignment, error) {
	joined, err := m.askToJoin(ctx, owned)
	if err != nil {
		return assignment{}, fmt.Errorf("join the group %s: %w", m.cfg.Group, err)
	}
	sync := &syncgroup.Request{
		GroupID: m.cfg.Group, GenerationID: joined.GenerationID, MemberID: joined.MemberID,
		ProtocolType: "consumer", ProtocolName: protocolName,
	}
	a := assignment{generation: joined.GenerationID, leader: joined.MemberID == joined.LeaderID}
	if a.leader {
		if a.counted, err = count(ctx); err != nil {
			return assignment{}, fmt.Errorf("assign partitions: %w", err)
		}
		if sync.Assignments, err = m.assign(joined.Members, a.counted); err != nil {
			return assignment{}, err
		}
	}
	asked := time.Now()
	answer, err := m.client.ask(ctx, m.cfg.RebalanceTimeout+m.client.timeout, sync)
	if err != nil {
		return assignment{}, fmt.Errorf("sync with the group %s: %w", m.cfg.Group, err)
	}
	synced, ok := answer.(*syncgroup.Response)
	if !ok {
		return assignment{}, fmt.Errorf("%w: a %T instead of a sync", errProtocol, answer)
	}
	if synced.ErrorCode != 0 {
		return assignment{}, m.refused(fmt.Errorf("sync with the group %s: %w", m.cfg.Group, kafkago.Error(synced.ErrorCode)))
	}
	if a.partitions, err = assigned(synced.Assignments, m.cfg.Topics); err != nil {
		return assignment{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a.continuous = a.generation == m.generation+1
	m.generation = a.generation
	m.lease.renew(asked)
	return a, nil
}

// askToJoin waits until all members have joined.
func (m *member) askToJoin(ctx context.Context, owned []int) (*joingroup.Response, error) {
	numbers := make([]int32, len(owned))
	for i, p := range owned {
		numbers[i] = int32(p) //nolint:gosec // G115: a partition number
	}
	metadata, err := protocol.Marshal(consumer.MaxVersionSupported, consumer.Subscription{
		Version: consumer.MaxVersionSupported, Topics: m.cfg.Topics,
		OwnedPartitions: []consumer.TopicPartition{{Topic: m.cfg.Topics[0], Partitions: numbers}},
	})
	if err != nil {
		return nil, err
	}
	for {
		m.mu.Lock()
		id := m.id
		m.mu.Unlock()
		answer, err := m.client.ask(ctx, m.cfg.RebalanceTimeout+m.client.timeout, &joingroup.Request{
			GroupID: m.cfg.Group, MemberID: id, ProtocolType: "consumer",
			SessionTimeoutMS:   int32(m.cfg.SessionTimeout.Milliseconds()),   //nolint:gosec // G115: Validate bounds it
			RebalanceTimeoutMS: int32(m.cfg.RebalanceTimeout.Milliseconds()), //nolint:gosec // G115: Validate bounds it
			Protocols:          []joingroup.RequestProtocol{{Name: protocolName, Metadata: metadata}},
		})
		if err != nil {
			return nil, err
		}
		joined, ok := answer.(*joingroup.Response)
		if !ok {
			return nil, fmt.Errorf("%w: a %T instead of a join", errProtocol, answer)
		}
		code := kafkago.Error(joined.ErrorCode)
		if code == 0 || code == kafkago.MemberIDRequired { // KIP-394: join again by the name given
			m.mu.Lock()
			if m.id != joined.MemberID {
				m.id, m.generation = joined.MemberID, -2
			}
			m.mu.Unlock()
		}
		switch {
		case code == 0:
			return joined, nil
		case code == kafkago.MemberIDRequired && id != joined.MemberID:
		case code == kafkago.InconsistentGroupProtocol:
			return nil, fmt.Errorf("%w: another program or version is in this group; give this one a name of its own by ingest.kafka.group", code)
		case code == kafkago.InvalidSessionTimeout:
			return nil, fmt.Errorf("%w: set ingest.kafka.session_timeout (%s) to what the broker allows (group.min.session.timeout.ms, group.max.session.timeout.ms)", code, m.cfg.SessionTimeout)
		default:
			return nil, m.refused(code)
		}
	}
}

// refused forgets a seat that the group has taken away.
func (m *member) refused(err error) error {
	if stale(err) {
		m.forget()
	}
	return err
}

// forget gives up the seat: the next join is that of a new member.
func (m *member) forget() { m.interrupt(true) }

// interrupt says that others may have had our partitions. We keep our name
// unless the group does not know it: it would wait for the one that has it.
func (m *member) interrupt(unknown bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.generation = -2; unknown {
		m.id = ""
	}
}

// beat tells the group that we are alive, and extends the lease if it agrees.
// kafkago.RebalanceInProgress says that members join or leave.
func (m *member) beat(ctx context.Context) error {
	m.mu.Lock()
	request := &heartbeatRequest{heartbeat.Request{GroupID: m.cfg.Group, GenerationID: m.generation, MemberID: m.id}}
	m.mu.Unlock()
	asked := time.Now()
	answer, err := m.client.ask(ctx, min(m.client.timeout, m.cfg.SessionTimeout/3), request)
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	beaten, ok := answer.(*heartbeat.Response)
	if !ok {
		return fmt.Errorf("%w: a %T instead of a heartbeat", errProtocol, answer)
	}
	code := kafkago.Error(beaten.ErrorCode)
	if code == 0 || code == kafkago.RebalanceInProgress {
		m.lease.renew(asked)
	}
	if code != 0 {
		return fmt.Errorf("heartbeat: %w", code)
	}
	return nil
}

// leave gives the partitions back at once, without waiting for the session
// timeout. If it fails they go when that has passed.
func (m *member) leave(ctx context.Context) error {
	m.mu.Lock()
	id := m.id
	m.mu.Unlock()
	if id == "" {
		return nil
	}
	_, err := m.client.ask(ctx, m.client.timeout, &leavegroup.Request{
		GroupID: m.cfg.Group, MemberID: id, Members: []leavegroup.RequestMember{{MemberID: id}},
	})
	m.forget()
	return err
}
