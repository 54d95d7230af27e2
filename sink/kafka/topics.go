package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	metadataapi "github.com/segmentio/kafka-go/protocol/metadata"
)

// topic is one that we write, as it would be made.
type topic struct {
	name        string
	partitions  int
	replication int
	settings    map[string]string
}

func (c Config) wanted() []topic {
	milliseconds := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	events := topic{name: c.EventsTopic, partitions: c.Partitions, replication: c.Replication, settings: map[string]string{
		"cleanup.policy": "delete", "retention.ms": milliseconds(c.Retention),
	}}
	if c.ScoresTopic == "" {
		return []topic{events}
	}
	scores := topic{name: c.ScoresTopic, partitions: c.Partitions, replication: c.Replication, settings: map[string]string{
		"cleanup.policy": "compact",
	}}
	if c.ScoresRetention > 0 {
		scores.settings["cleanup.policy"] = "compact,delete"
		scores.settings["retention.ms"] = milliseconds(c.ScoresRetention)
	}
	return []topic{events, scores}
}

// command is how a person makes the topic.
func (t topic) command() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kafka-topics.sh --bootstrap-server BROKER --create --topic %s --partitions %d", t.name, t.partitions)
	if t.replication > 0 {
		fmt.Fprintf(&b, " --replication-factor %d", t.replication)
	}
	for _, key := range slices.Sorted(maps.Keys(t.settings)) {
		fmt.Fprintf(&b, " --config %s=%s", key, t.settings[key])
	}
	return b.String()
}

// partitions returns the numbers of the partitions of our topics, as the
// transport knows them, without the topics that are missing.
func (c *client) partitions(ctx context.Context, topics []string) (map[string][]int, error) {
	r, err := c.transport.RoundTrip(ctx, c.Addr, &metadataapi.Request{TopicNames: topics})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	out := make(map[string][]int, len(topics))
	answer, ok := r.(*metadataapi.Response)
	if !ok {
		return nil, fmt.Errorf("%w: the broker answers with %T", ErrUnavailable, r)
	}
	for _, t := range answer.Topics {
		switch code := kafkago.Error(t.ErrorCode); code {
		case 0:
			out[t.Name] = numbers(len(t.Partitions))
		case kafkago.UnknownTopicOrPartition:
		default:
			return nil, fmt.Errorf("%w: topic %s: %w", ErrUnavailable, t.Name, code)
		}
	}
	return out, nil
}

// numbers returns 0 to n-1.
func numbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// ensure makes the topics that are missing, where that is allowed, or says how
// to make them.
func (p *Publisher) ensure(ctx context.Context) (map[string][]int, error) {
	known, err := p.client.partitions(ctx, p.cfg.topics())
	if err != nil || len(known) == len(p.cfg.topics()) {
		return known, err
	}
	var missing []topic
	for _, t := range p.cfg.wanted() {
		if known[t.name] == nil {
			missing = append(missing, t)
		}
	}
	if err := p.create(ctx, missing); err != nil {
		return nil, err
	}
	return p.client.partitions(ctx, p.cfg.topics())
}

func (p *Publisher) create(ctx context.Context, missing []topic) error {
	if !p.cfg.Create {
		return absent(missing, errors.New("sink.kafka.create is off"))
	}
	request := &kafkago.CreateTopicsRequest{}
	for _, t := range missing {
		c := kafkago.TopicConfig{Topic: t.name, NumPartitions: t.partitions, ReplicationFactor: t.replication}
		if t.replication == 0 {
			c.ReplicationFactor = -1 // the broker's default
		}
		for _, key := range slices.Sorted(maps.Keys(t.settings)) {
			c.ConfigEntries = append(c.ConfigEntries, kafkago.ConfigEntry{ConfigName: key, ConfigValue: t.settings[key]})
		}
		request.Topics = append(request.Topics, c)
	}
	answer, err := p.client.CreateTopics(ctx, request)
	if err != nil {
		return fmt.Errorf("%w: make topics: %w", ErrUnavailable, err)
	}
	var errs []error
	for _, t := range missing {
		switch err := answer.Errors[t.name]; {
		case err == nil:
			p.set.Logger.InfoContext(ctx, "made a topic", slog.String("topic", t.name), slog.Int("partitions", t.partitions))
		case errors.Is(err, kafkago.TopicAlreadyExists): // somebody was faster
		default:
			errs = append(errs, absent([]topic{t}, err))
		}
	}
	return errors.Join(errs...)
}

// absent says how to make topics that are missing.
func absent(topics []topic, why error) error {
	var errs []error
	for _, t := range topics {
		errs = append(errs, fmt.Errorf("%w: %s is missing and cannot be made (%w); make it by: %s", ErrTopic, t.name, why, t.command()))
	}
	return errors.Join(errs...)
}
