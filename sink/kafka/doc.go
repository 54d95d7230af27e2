// Package kafka is a sink that writes events to Apache Kafka: every event to one
// topic, and the latest score of each participant to a compacted one. With
// ingest/kafka it is the only importer of kafka-go. docs/kafka.md says what a
// record looks like and how the topics are sized.
//
// # Order
//
// The key of an event is its session, so a call is in one partition; the key of
// a latest score is session/participant. A batch becomes one request for each
// partition, sent side by side, and Publish returns when the brokers have
// acknowledged all (acks=all). So a partition never has two requests of one
// caller under way, and a request that failed is repeated by the caller (the
// outbox) before anything that comes after it.
//
// kafka-go's Writer was not used for that. It keeps one batch of a partition
// under way, too, and repeats it in its place; but when it gives up, or meets an
// error that it takes for permanent, it goes on with the batch that follows, and
// who repeats the first one then has put it behind. A call of WriteMessages that
// holds more than one batch for a partition is enough for that. It also holds
// every message back for the batch timeout, full or not.
//
// kafka-go has no idempotent producer. A request without an answer (the broker
// was frozen, the connection broke) may be written after its repetition, and
// after what followed that. Readers of events do not mind: they have seen the id
// and revision. In the compacted topic an older score would be the last one, so
// scores that may have been overtaken are written once more, when the broker has
// been well for a while.
package kafka
