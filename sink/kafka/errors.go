package kafka

import "errors"

var (
	// ErrConfig says that a setting cannot be used.
	ErrConfig = errors.New("unusable Kafka setting")
	// ErrUnavailable says that Kafka did not take an event: no broker answers, or
	// it refuses for now. The event may be published again.
	ErrUnavailable = errors.New("kafka is unavailable")
	// ErrTopic says that a topic is missing and may not be made by us.
	ErrTopic = errors.New("unusable Kafka topic")
)
