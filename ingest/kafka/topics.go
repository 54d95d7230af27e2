package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// ErrTopics says that the topics cannot be read together.
var ErrTopics = errors.New("unusable topics")

// counts returns how many partitions each of our topics has; one that is not
// there is left out. It is as old as metadataTTL.
func (c *client) counts(ctx context.Context, topics []string) (map[string]int, error) {
	answer, err := c.api.Metadata(ctx, &kafkago.MetadataRequest{Topics: topics})
	if err != nil {
		return nil, fmt.Errorf("%w: ask for the topics: %w", errBroker, err)
	}
	out := map[string]int{}
	for _, t := range answer.Topics {
		switch {
		case errors.Is(t.Error, kafkago.UnknownTopicOrPartition):
		case t.Error != nil:
			return nil, fmt.Errorf("%w: ask for the topic %s: %w", errBroker, t.Name, t.Error)
		case len(t.Partitions) > 0:
			out[t.Name] = len(t.Partitions)
		}
	}
	return out, nil
}

// compatible reports whether a call can meet in one partition number.
func (c Config) compatible(counts map[string]int) error {
	together := slices.Clone(c.Topics)
	if c.State != "" {
		together = append(together, c.State)
	}
	for _, t := range together[1:] {
		a, b := together[0], t
		if counts[a] != counts[b] {
			return fmt.Errorf("%w: %s has %d partitions and %s %d; a call must meet in one partition: give both the same number", ErrTopics, a, counts[a], b, counts[b])
		}
	}
	return nil
}

// prepare waits until all topics are there, making those that are missing
// where that is allowed. Only topics that do not fit together are an error.
func (c *Consumer) prepare(ctx context.Context) error {
	var pause backoff
	var said string
	for {
		counts, err := c.client.counts(ctx, c.cfg.everyTopic())
		if err == nil {
			missing := slices.DeleteFunc(c.cfg.everyTopic(), func(t string) bool { return counts[t] > 0 })
			if len(missing) == 0 {
				c.deadLetterPartitions = counts[c.cfg.DeadLetter]
				return c.cfg.compatible(counts)
			}
			if err = c.create(ctx, missing, counts); err == nil {
				pause.reset()
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			c.wait(err)
			if errors.Is(err, ErrTopics) && said != err.Error() {
				said = err.Error()
				c.set.Logger.ErrorContext(ctx, "topics are missing", slog.Any("error", err))
			} else if !errors.Is(err, ErrTopics) {
				c.trouble.Warn(ctx, err)
			}
		}
		if !pause.wait(ctx) {
			return ctx.Err()
		}
	}
}

// create makes topics. The error says how to make those that it could not.
func (c *Consumer) create(ctx context.Context, missing []string, counts map[string]int) error {
	partitions := c.cfg.Partitions
	for _, t := range c.cfg.Topics {
		if counts[t] > 0 {
			partitions = counts[t] // those that are there set the number
		}
	}
	wanted := fmt.Sprintf("%s is not there; create it with %d partitions", strings.Join(missing, ", "), partitions)
	if !c.cfg.Create {
		return fmt.Errorf("%w: %s, or set ingest.kafka.create to true", ErrTopics, wanted)
	}
	request := &kafkago.CreateTopicsRequest{}
	for _, t := range missing {
		request.Topics = append(request.Topics, c.cfg.describe(t, partitions))
	}
	answer, err := c.client.api.CreateTopics(ctx, request)
	if err != nil {
		return fmt.Errorf("%w: create topics: %w", errBroker, err)
	}
	for topic, err := range answer.Errors {
		switch {
		case err == nil:
			c.set.Logger.InfoContext(ctx, "topic created", slog.String("topic", topic), slog.Int("partitions", partitions))
		case errors.Is(err, kafkago.TopicAlreadyExists): // another member was faster
		default:
			return fmt.Errorf("%w: %s: the broker refuses: %w", ErrTopics, wanted, err)
		}
	}
	return nil
}

// describe says what a topic is like that we make.
func (c Config) describe(topic string, partitions int) kafkago.TopicConfig {
	out := kafkago.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: c.Replication}
	if c.Replication == 0 {
		out.ReplicationFactor = -1 // the broker's default
	}
	set := func(name, value string) {
		out.ConfigEntries = append(out.ConfigEntries, kafkago.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	switch topic {
	case c.State:
		set("cleanup.policy", "compact")
		set("segment.ms", strconv.FormatInt(time.Hour.Milliseconds(), 10)) // deleted keys go within hours
	default:
		set("cleanup.policy", "delete")
		set("retention.ms", strconv.FormatInt(c.Retention.Milliseconds(), 10))
	}
	if slices.Contains(c.Topics, topic) {
		set("message.timestamp.type", "LogAppendTime") // the order of the topics can be told from it, see the package comment
	}
	return out
}

// count returns how many partition numbers can be read: as many as every topic
// has.
func (c *Consumer) count(ctx context.Context) (int, error) {
	counts, err := c.client.counts(ctx, c.cfg.Topics)
	if err != nil {
		return 0, err
	}
	least := counts[c.cfg.Topics[0]]
	for _, t := range c.cfg.Topics {
		least = min(least, counts[t])
	}
	return least, nil
}
