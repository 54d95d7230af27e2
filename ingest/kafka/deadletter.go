package kafka

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The headers of a dead letter, besides those of the record. Its key and value
// are the record's.
const (
	HeaderReason    = "valence_reason"    // why, in words
	HeaderTopic     = "valence_topic"     // where the record came from
	HeaderPartition = "valence_partition" // decimal
	HeaderOffset    = "valence_offset"    // decimal
	HeaderTime      = "valence_time"      // the record's, RFC 3339
	HeaderCut       = "valence_cut"       // only where the value was too large and was left out: its size in bytes
)

// maxReason keeps a reason from quoting the whole record.
const maxReason = 1000

// deadLetters are poison records that wait to be written. They are written
// before the offsets behind them are committed.
type deadLetters struct {
	messages []message
	bytes    int
}

func (d *deadLetters) add(r Record, why error, limit int) {
	reason := strings.ToValidUTF8(why.Error(), "?")
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	out := message{key: r.Key, value: r.Value, headers: slices.Clip(r.Headers), time: time.Now()}
	header := func(key, value string) {
		out.headers = append(out.headers, Header{Key: key, Value: []byte(value)})
	}
	header(HeaderReason, reason)
	header(HeaderTopic, r.Topic)
	header(HeaderPartition, strconv.Itoa(r.Partition))
	header(HeaderOffset, strconv.FormatInt(r.Offset, 10))
	header(HeaderTime, r.Time.UTC().Format(time.RFC3339Nano))
	if len(r.Value) > limit {
		out.cut()
	}
	d.messages = append(d.messages, out)
	d.bytes += len(r.Key) + len(r.Value) + len(reason) + 200
}

// cut leaves out a value that no broker would take.
func (m *message) cut() {
	m.headers = append(m.headers, Header{Key: HeaderCut, Value: []byte(strconv.Itoa(len(m.value)))})
	m.value = nil
}

func (d *deadLetters) full() bool { return d.bytes >= chunk || len(d.messages) >= 500 }

// flushDead writes what waits. It is done when the broker has it, however long
// that takes: until ctx ends.
func (l *lane) flushDead(ctx context.Context) error {
	topic := l.c.cfg.DeadLetter
	if len(l.dead.messages) == 0 {
		return nil
	}
	if topic != "" {
		partition := l.partition % max(1, l.c.deadLetterPartitions)
		held := func() error { return l.held() }
		err := l.c.produceAll(ctx, topic, partition, l.dead.messages, held)
		if errors.Is(err, errTooLarge) {
			err = l.flushSmall(ctx, partition, held)
		}
		if err != nil {
			return err
		}
	}
	l.dead = deadLetters{}
	return nil
}

// flushSmall writes one by one, and those that are too large without their
// value.
func (l *lane) flushSmall(ctx context.Context, partition int, held func() error) error {
	for _, m := range l.dead.messages {
		one := []message{m}
		err := l.c.produceAll(ctx, l.c.cfg.DeadLetter, partition, one, held)
		if errors.Is(err, errTooLarge) {
			l.c.set.Logger.ErrorContext(ctx, "a dead letter is too large for its topic, its value is lost",
				slog.String("topic", l.c.cfg.DeadLetter), slog.Int("bytes", len(m.value)))
			one[0].cut()
			err = l.c.produceAll(ctx, l.c.cfg.DeadLetter, partition, one, held)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
