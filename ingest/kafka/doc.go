// Package kafka reads the records of calls from Apache Kafka, as one member of
// a consumer group that shares the partitions.
//
// All topics of a group have the same number of partitions and a record's key
// is its session, so everything of a call is in one partition number. Such a
// number, of all topics together, is a Lane: one goroutine, one record after
// the other, in the order in which they were written.
//
// # Delivery
//
// At least once. Offsets are committed only after Lane.Checkpoint has returned
// them, never before. Who takes over a partition restores what was saved in the
// state topic and reads from the committed offsets.
//
// # Taking over
//
// Partitions stay where they are when members come or go (the balancer is
// sticky and gives the same numbers of every topic to one member), and a lane
// that stays is not even closed: it stands still until the group has settled. A
// lane that leaves is checkpointed first. A member that the group may have
// given up (its last answered heartbeat is older than the session timeout)
// stops on its own account, before another one can start: its contexts end, it
// saves and commits nothing more.
//
// # Order
//
// The topics of a lane are merged by record time, which is the broker's where
// the topic says so (message.timestamp.type=LogAppendTime, as topics that this
// package makes have). A record is given out when every other topic has a later
// one, or was asked after that record had been written and had nothing. So
// reading again gives the same order, at full speed and live. Where a topic
// cannot be asked, the others wait half a second for it and then go on.
//
// # Metrics
//
//	valence.kafka.lag                     records not handled yet, by topic
//	valence.kafka.partitions              partition numbers that this member has
//	valence.kafka.rebalances              how often the group was settled anew
//	valence.kafka.records.poisoned        records sent to the dead-letter topic, by topic
//	valence.kafka.records.lost            records that were deleted before they were read, by topic
//	messaging.client.consumed.messages    records handled, by topic
package kafka
