package kafka

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/valence-live/valence/internal/kafkasecure"
	"github.com/valence-live/valence/internal/wire"
)

// Config says where events go and how.
type Config struct {
	// Brokers are addresses of the cluster, each host:port. Events go to Kafka where this is set.
	Brokers []string `yaml:"brokers"`
	// EventsTopic gets every event, with the session as key.
	EventsTopic string `yaml:"events_topic"`
	// ScoresTopic gets the latest score of each participant, with session/participant as key; it is compacted. Empty writes none.
	ScoresTopic string `yaml:"scores_topic"`
	// Format is how events are encoded: json, or protobuf, which takes less than half the space and time.
	Format Format `yaml:"format"`
	// Source names this program in the header ce_source, as a URI reference.
	Source string `yaml:"source"`
	// Create makes topics that are missing. Where it is off or the broker refuses, the program says how to make them and waits.
	Create bool `yaml:"create"`
	// Partitions is how many partitions topics get that are made.
	Partitions int `yaml:"partitions"`
	// Replication is how many brokers hold each topic that is made; 0 leaves it to the broker.
	Replication int `yaml:"replication"`
	// Retention is how long events are kept in a topic that is made.
	Retention time.Duration `yaml:"retention"`
	// ScoresRetention is how long the latest score of somebody is kept, in a topic that is made, after the last change; 0
	// keeps it until the person is erased.
	ScoresRetention time.Duration `yaml:"scores_retention"`
	// Compression is none, gzip, snappy, lz4 or zstd.
	Compression Compression `yaml:"compression"`
	// Timeout is how long a broker may take for a request before it is sent again.
	Timeout time.Duration `yaml:"timeout"`
	// MaxRequest is the size of the largest request to one partition, in bytes before compression: that of the broker.
	MaxRequest int `yaml:"max_request"`
	// SASL says who we are.
	SASL kafkasecure.SASL `yaml:"sasl"`
	// TLS encrypts the connections.
	TLS kafkasecure.TLS `yaml:"tls"`
}

// Format is how events are encoded.
type Format string

// The formats.
const (
	FormatJSON     Format = "json"
	FormatProtobuf Format = "protobuf"
)

func (f Format) form() wire.Form {
	if f == FormatProtobuf {
		return wire.Protobuf
	}
	return wire.JSON
}

// Compression is how requests are compressed.
type Compression string

// codecs are the names of what brokers understand.
func codecs() map[Compression]kafkago.Compression {
	return map[Compression]kafkago.Compression{
		"none": 0, "gzip": kafkago.Gzip, "snappy": kafkago.Snappy, "lz4": kafkago.Lz4, "zstd": kafkago.Zstd,
	}
}

// Default returns settings for a small cluster; the sink is off until it has
// brokers.
func Default() Config {
	return Config{
		EventsTopic:     wire.TopicEvents,
		ScoresTopic:     wire.TopicScores,
		Format:          FormatJSON,
		Source:          "/valence",
		Create:          true,
		Partitions:      12,
		Retention:       7 * 24 * time.Hour,
		ScoresRetention: 7 * 24 * time.Hour,
		Compression:     "snappy",
		Timeout:         5 * time.Second,
		MaxRequest:      1 << 20,
	}
}

// Enabled reports whether events go to Kafka.
func (c Config) Enabled() bool { return len(c.Brokers) > 0 }

// Validate reports every setting that cannot be used, each wrapping ErrConfig.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: sink.kafka.%s", ErrConfig, fmt.Sprintf(format, args...)))
		}
	}
	within := func(key string, d, low, high time.Duration) {
		check(low <= d && d <= high, "%s is %s, it must be %s to %s", key, d, low, high)
	}
	const years = 10 * 365 * 24 * time.Hour
	for _, b := range c.Brokers {
		check(dialable(b), "brokers has %q, which is not host:port", b)
	}
	check(validTopic(c.EventsTopic), "events_topic is %q: a topic has 1 to 249 of a-z A-Z 0-9 . _ -", c.EventsTopic)
	check(c.ScoresTopic == "" || validTopic(c.ScoresTopic), "scores_topic is %q: a topic has 1 to 249 of a-z A-Z 0-9 . _ -", c.ScoresTopic)
	check(c.EventsTopic != c.ScoresTopic, "scores_topic and events_topic are both %q: compaction would delete events", c.EventsTopic)
	check(c.Format == FormatJSON || c.Format == FormatProtobuf, "format is %q, it must be json or protobuf", c.Format)
	check(c.Source != "", "source is empty: CloudEvents need one")
	check(1 <= c.Partitions && c.Partitions <= 10_000, "partitions is %d, it must be 1 to 10000", c.Partitions)
	check(0 <= c.Replication && c.Replication <= 100, "replication is %d, it must be 0 to 100", c.Replication)
	within("retention", c.Retention, time.Minute, years)
	check(c.ScoresRetention == 0 || time.Minute <= c.ScoresRetention && c.ScoresRetention <= years, "scores_retention is %s, it must be 0 or %s to %s", c.ScoresRetention, time.Minute, years)
	_, known := codecs()[c.Compression]
	check(known, "compression is %q, it must be none, gzip, snappy, lz4 or zstd", c.Compression)
	within("timeout", c.Timeout, 10*time.Millisecond, 10*time.Minute)
	check(10_000 <= c.MaxRequest && c.MaxRequest <= 1<<30, "max_request is %d, it must be 10000 to %d", c.MaxRequest, 1<<30)
	for _, err := range slices.Concat(c.SASL.Validate("sink.kafka"), c.TLS.Validate("sink.kafka")) {
		errs = append(errs, fmt.Errorf("%w: %w", ErrConfig, err))
	}
	return errors.Join(errs...)
}

func dialable(address string) bool {
	host, port, err := net.SplitHostPort(address)
	n, atoi := strconv.ParseUint(port, 10, 16)
	return err == nil && atoi == nil && n > 0 && host != ""
}

// validTopic reports whether Kafka takes the name
// (org.apache.kafka.common.internals.Topic).
func validTopic(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 249 {
		return false
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return strings.Trim(name, letters) == ""
}

// topics lists those that are written.
func (c Config) topics() []string {
	if c.ScoresTopic == "" {
		return []string{c.EventsTopic}
	}
	return []string{c.EventsTopic, c.ScoresTopic}
}
