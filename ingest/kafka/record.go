package kafka

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrPoison says that a record cannot be understood and never will: it goes to
// the dead-letter topic, with the error's text as the reason.
var ErrPoison = errors.New("poison record")

// ErrLost says that the lane's partition may belong to another member by now:
// nothing more may be saved for it.
var ErrLost = errors.New("the partition is not this member's any more")

// Record is one record of a partition. Its bytes are valid as long as they are
// held, but share a buffer with those read in the same request: whoever keeps
// a few bytes for long should copy them.
type Record struct {
	Topic     string
	Partition int
	Offset    int64
	// Key is the session. Nil where the record has none.
	Key []byte
	// Value is nil for a tombstone.
	Value []byte
	// Time is when the broker wrote the record where the topic says so
	// (LogAppendTime), else what its producer said. Milliseconds.
	Time    time.Time
	Headers []Header
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Header returns the value of the last header of that name, or nil.
func (r Record) Header(key string) []byte {
	for _, h := range slices.Backward(r.Headers) {
		if h.Key == key {
			return h.Value
		}
	}
	return nil
}

// Handler makes a Lane for each partition number that is assigned to this
// member.
type Handler interface {
	// Open is called before the first record of a partition number is handled,
	// from the lane's own goroutine. ctx ends when the lane is lost. state is
	// nil where no state topic is configured. An error, unless ctx has ended,
	// ends the consumer.
	Open(ctx context.Context, partition int, state State) (Lane, error)
}

// Lane takes the records of one partition number of all topics. Its methods
// are called by one goroutine, one after the other.
type Lane interface {
	// Handle takes the next record. While it blocks, fetching stops when a
	// bounded buffer is full, and heartbeats go on. An error that wraps
	// ErrPoison sends the record to the dead-letter topic; any other one, unless
	// ctx has ended, ends the consumer.
	Handle(ctx context.Context, r Record) error
	// Tick tells the wall clock about every 100 ms, between records.
	Tick(now time.Time) error
	// Checkpoint makes durable what must be and returns, by topic, the offset
	// from which the next owner must read; only then are these committed. A
	// topic that is left out keeps what was committed before. It is called every
	// few seconds and before the lane may leave in an orderly way; ctx bounds it.
	// After it nothing may be published until the next call, which is Close if
	// the partition leaves and anything else if it stays.
	Checkpoint(ctx context.Context) (map[string]int64, error)
	// Close is the last call: the partition has another owner, or the program
	// stops. Nothing more may be published.
	Close() error
}

// State is what a lane keeps beyond its own life: records of the state topic,
// in the lane's own partition number.
type State interface {
	// Load reads everything that was saved and not deleted, by key. It waits
	// until the broker is there.
	Load(ctx context.Context) (map[string][]byte, error)
	// Save writes the values and returns when they are durable (acks=all); a nil
	// value deletes its key. It tries again while the broker is in trouble, and
	// returns an error that wraps ErrLost once the partition may have another owner.
	Save(ctx context.Context, values map[string][]byte) error
}
