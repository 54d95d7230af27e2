package kafka

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valence-live/valence/internal/kafkasecure"
)

// ErrConfig says that a setting cannot be used.
var ErrConfig = errors.New("unusable Kafka setting")

// Config says where records come from and how the members of a group share
// them.
type Config struct {
	// Brokers are addresses of the cluster, each host:port. Kafka is read where this is set.
	Brokers []string `yaml:"brokers"`
	// Group is the consumer group. Its members share the partitions and need the same topics.
	Group string `yaml:"group"`
	// Topics are read together: all have the same number of partitions, and the key of a record is its session.
	Topics []string `yaml:"topics"`
	// Consent is required where a person's agreement must come as a control record before anything of them is used, or
	// upstream where the operator states that it was given before the records were written.
	Consent Consent `yaml:"consent"`
	// Create makes topics that are missing. Where it is off or the broker refuses, the program says what is missing and waits for it.
	Create bool `yaml:"create"`
	// Partitions is how many partitions topics get that are made. It bounds how many workers can share the work, and a
	// later change moves calls to other partitions.
	Partitions int `yaml:"partitions"`
	// Replication is how many brokers hold each topic that is made; 0 leaves it to the broker.
	Replication int `yaml:"replication"`
	// Retention is how long the records of calls are kept in topics that are made. They hold what people said; a worker
	// needs minutes.
	Retention time.Duration `yaml:"retention"`
	// State is the compacted topic of snapshots, by which another member goes on where one left off; empty keeps none.
	State string `yaml:"state"`
	// DeadLetter is the topic of records that cannot be read, with the reason; empty drops and counts them.
	DeadLetter string `yaml:"dead_letter"`
	// From is where reading begins in a partition of which nothing was committed yet: beginning or end.
	From From `yaml:"from"`
	// SessionTimeout is how long a member may be silent before its partitions go to others. Brokers allow 6s to 30m unless
	// they are told otherwise.
	SessionTimeout time.Duration `yaml:"session_timeout"`
	// RebalanceTimeout is how long the group waits, when its members change, until each has finished what it is at.
	RebalanceTimeout time.Duration `yaml:"rebalance_timeout"`
	// Checkpoint is how often snapshots are written and offsets committed. After a crash that much is read again.
	Checkpoint time.Duration `yaml:"checkpoint"`
	// RequestTimeout is how long an answer of a broker is waited for before the request is sent again.
	RequestTimeout time.Duration `yaml:"request_timeout"`
	// Buffer is how many bytes are read ahead of each partition of each topic. Reading stops when they are full.
	Buffer int `yaml:"buffer"`
	// MaxMessage is the size of the largest value that is put into the dead-letter topic, in bytes: that of the broker.
	MaxMessage int `yaml:"max_message"`
	// SASL says who we are.
	SASL kafkasecure.SASL `yaml:"sasl"`
	// TLS encrypts the connections.
	TLS kafkasecure.TLS `yaml:"tls"`
}

// Consent says who sees to a person's consent.
type Consent string

// Who sees to consent.
const (
	ConsentRequired Consent = "required" // a control record must say so
	ConsentUpstream Consent = "upstream" // the operator states that it was given
)

// From says where reading begins when nothing was committed.
type From string

// Where reading begins.
const (
	FromBeginning From = "beginning"
	FromEnd       From = "end"
)

// Default returns the settings of a worker that reads the records of media; it
// is off until it has brokers.
func Default() Config {
	return Config{
		Group:            "valence",
		Topics:           []string{"valence.media", "valence.transcripts", "valence.control"},
		Consent:          ConsentRequired,
		Create:           true,
		Partitions:       12,
		Retention:        24 * time.Hour,
		State:            "valence.state",
		DeadLetter:       "valence.dead-letter",
		From:             FromBeginning,
		SessionTimeout:   6 * time.Second,
		RebalanceTimeout: 10 * time.Second,
		Checkpoint:       5 * time.Second,
		RequestTimeout:   5 * time.Second,
		Buffer:           1 << 20,
		MaxMessage:       1 << 20,
	}
}

// Enabled reports whether Kafka is to be read.
func (c Config) Enabled() bool { return len(c.Brokers) > 0 }

// Validate reports every setting that cannot be used, each wrapping ErrConfig.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: ingest.kafka.%s", ErrConfig, fmt.Sprintf(format, args...)))
		}
	}
	count := func(key string, n, low, high int) {
		check(low <= n && n <= high, "%s is %d, it must be %d to %d", key, n, low, high)
	}
	within := func(key string, d, low, high time.Duration) {
		check(low <= d && d <= high, "%s is %s, it must be %s to %s", key, d, low, high)
	}
	for _, b := range c.Brokers {
		check(dialable(b), "brokers has %q, which is not host:port", b)
	}
	check(c.Group != "", "group is empty: members find each other by it")
	check(len(c.Topics) > 0, "topics is empty: there is nothing to read")
	seen := map[string]bool{}
	for _, t := range append(append([]string{}, c.Topics...), c.State, c.DeadLetter) {
		check(t == "" || validTopic(t), "topics, state and dead_letter: %q is no name of a topic: it must have 1 to 249 of a-z A-Z 0-9 . _ -", t)
		check(t == "" || !seen[t], "topics, state and dead_letter name %q twice", t)
		seen[t] = true
	}
	for _, t := range c.Topics {
		check(t != "", "topics has an empty name")
	}
	check(c.Consent == ConsentRequired || c.Consent == ConsentUpstream, "consent is %q, it must be required or upstream", c.Consent)
	check(c.From == FromBeginning || c.From == FromEnd, "from is %q, it must be beginning or end", c.From)
	count("partitions", c.Partitions, 1, 10_000)
	count("replication", c.Replication, 0, 100)
	within("retention", c.Retention, time.Minute, 10*365*24*time.Hour)
	within("session_timeout", c.SessionTimeout, time.Second, 30*time.Minute)
	within("rebalance_timeout", c.RebalanceTimeout, time.Second, 30*time.Minute)
	within("checkpoint", c.Checkpoint, 100*time.Millisecond, 10*time.Minute)
	within("request_timeout", c.RequestTimeout, 100*time.Millisecond, time.Minute)
	count("buffer", c.Buffer, 1<<10, 1<<30)
	count("max_message", c.MaxMessage, 1<<10, 1<<30)
	for _, err := range slices.Concat(c.SASL.Validate("ingest.kafka"), c.TLS.Validate("ingest.kafka")) {
		errs = append(errs, fmt.Errorf("%w: %w", ErrConfig, err))
	}
	return errors.Join(errs...)
}

func dialable(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && host != ""
}

// validTopic reports whether Kafka takes the name
// (org.apache.kafka.common.internals.Topic).
func validTopic(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 249 {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && r != '.' && r != '_' && r != '-'
	})
}

// heartbeat is how often the group hears of us: often enough that two may be
// lost within the session timeout.
func (c Config) heartbeat() time.Duration { return min(c.SessionTimeout/6, 3*time.Second) }

// handover is how long a lane may take to finish when the members of the group
// change. What remains of the rebalance timeout is for the news to reach us and
// for joining again.
func (c Config) handover() time.Duration { return c.RebalanceTimeout / 2 }
