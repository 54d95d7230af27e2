package kafka

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go/compress"
)

// errCorrupt says that a batch of records cannot be read. Its bytes go to the
// dead-letter topic like those of a poison record.
var errCorrupt = fmt.Errorf("%w: the batch is corrupt", ErrPoison)

// The record batch, magic 2 (Kafka's documentation, "Record Batch").
const (
	batchStart  = 8 + 4 // base offset, length
	batchHeader = 4 + 1 + 4 + 2 + 4 + 8 + 8 + 8 + 2 + 4 + 4

	compressed    = 0x07
	logAppendTime = 1 << 3
	transactional = 1 << 4
	control       = 1 << 5
)

// entry is a record, or what is left of a batch that cannot be read.
type entry struct {
	Record
	bad error

	arranged time.Time // by this the topics are merged
	arrived  time.Time // when we read it
}

// size is what the entry takes of a buffer, about.
func (e *entry) size() int {
	n := 128 + len(e.Key) + len(e.Value)
	for _, h := range e.Headers {
		n += 64 + len(h.Key) + len(h.Value)
	}
	return n
}

// decoder turns the batches of one partition into records.
type decoder struct {
	topic      string
	partition  int
	castagnoli *crc32.Table
	zstd       *zstd.Decoder // nil until one is needed
}

func newDecoder(topic string, partition int) *decoder {
	return &decoder{topic: topic, partition: partition, castagnoli: crc32.MakeTable(crc32.Castagnoli)}
}

// batch is the header of a record batch.
type batch struct {
	base, last, producer int64
	attributes           int16
	written              int64 // the largest time of its records, ms
	first                int64 // the time that those of the records are relative to
	count                int32
	records              []byte
}

// decode appends the records from an offset on and returns the offset after
// the last batch, at least from. What failed transactions wrote is left out.
func (d *decoder) decode(out []entry, f *fetched, from int64) (entries []entry, next int64, err error) {
	next = from
	failed := map[int64]bool{}
	pending := f.failed
	for raw := f.raw; len(raw) >= batchStart; {
		length := int64(int32(binary.BigEndian.Uint32(raw[8:]))) //nolint:gosec // G115: two's complement
		base := int64(binary.BigEndian.Uint64(raw))              //nolint:gosec // G115: two's complement
		if length < 0 || base < 0 {
			return out, next, fmt.Errorf("%w: a batch at %d of %s/%d has %d bytes", errProtocol, base, d.topic, d.partition, length)
		}
		if int64(len(raw)) < batchStart+length {
			break // cut off; it is whole in the next answer
		}
		whole := raw[: batchStart+length : batchStart+length]
		raw = raw[batchStart+length:]
		b, err := d.header(whole)
		if err != nil {
			out = append(out, d.corrupt(max(base, from), whole, err))
			next = max(next, from+1, b.end(base)) // it holds from, else the broker would not have sent it
			continue
		}
		for len(pending) > 0 && pending[0].first <= b.last {
			failed[pending[0].producer] = true
			pending = pending[1:]
		}
		switch {
		case b.last < from:
		case b.attributes&control != 0:
			if b.aborts() {
				delete(failed, b.producer)
			}
		case b.attributes&transactional != 0 && failed[b.producer]:
		default:
			before := len(out)
			if out, err = d.records(out, b, from); err != nil {
				out = append(out[:before], d.corrupt(max(b.base, from), whole, err))
			}
		}
		next = max(next, b.last+1)
	}
	return out, next, nil
}

func (d *decoder) corrupt(offset int64, whole []byte, why error) entry {
	return entry{Record: Record{Topic: d.topic, Partition: d.partition, Offset: offset, Value: whole}, bad: why}
}

func (d *decoder) header(whole []byte) (batch, error) {
	r := reader{rest: whole}
	var b batch
	b.base = r.int64()
	r.skip(4 + 4) // length, leader's epoch
	magic := r.int8()
	if magic != 2 {
		return b, fmt.Errorf("%w: it has the format %d of before Kafka 0.11", errCorrupt, magic)
	}
	sum := uint32(r.int32()) //nolint:gosec // G115: two's complement
	if got := crc32.Checksum(r.rest, d.castagnoli); got != sum {
		return b, fmt.Errorf("%w: its checksum is %08x instead of %08x", errCorrupt, got, sum)
	}
	b.attributes = r.int16()
	b.last = b.base + int64(r.int32())
	b.first, b.written = r.int64(), r.int64()
	b.producer = r.int64()
	r.skip(2 + 4) // the producer's epoch and sequence
	b.count = r.int32()
	b.records = r.rest
	switch {
	case r.failed:
		return b, fmt.Errorf("%w: it is too short", errCorrupt)
	case b.last < b.base || b.count < 0:
		return b, fmt.Errorf("%w: it has %d records from %d to %d", errCorrupt, b.count, b.base, b.last)
	}
	return b, nil
}

// end is the offset after a batch that may be damaged.
func (b batch) end(base int64) int64 {
	if delta := b.last - base; 0 <= delta && delta < 1<<20 {
		return base + delta + 1
	}
	return base + 1
}

// aborts reports whether a control batch ends a transaction that failed.
func (b batch) aborts() bool {
	r := reader{rest: b.records}
	r.varint() // length
	r.skip(1)  // attributes
	r.varint() // time
	r.varint() // offset
	key := r.varbytes()
	return len(key) >= 4 && binary.BigEndian.Uint16(key[2:]) == 0
}

func (d *decoder) records(out []entry, b batch, from int64) ([]entry, error) {
	data := b.records
	if codec := compress.Compression(b.attributes & compressed); codec != compress.None {
		var err error
		if data, err = d.inflate(codec, data); err != nil {
			return out, fmt.Errorf("%w: %w", errCorrupt, err)
		}
	}
	r := reader{rest: data}
	for range b.count {
		one := reader{rest: r.varbytes()}
		one.skip(1) // attributes
		at, offset := b.first+one.varint(), b.base+one.varint()
		rec := Record{Topic: d.topic, Partition: d.partition, Offset: offset, Key: one.varbytes(), Value: one.varbytes()}
		n := one.varint()
		if r.failed || one.failed || n < 0 || n > int64(len(one.rest)) || offset < b.base || offset > b.last {
			return out, fmt.Errorf("%w: a record in it makes no sense", errCorrupt)
		}
		if n > 0 {
			rec.Headers = make([]Header, 0, n)
		}
		for range n {
			rec.Headers = append(rec.Headers, Header{Key: string(one.varbytes()), Value: one.varbytes()})
		}
		if one.failed {
			return out, fmt.Errorf("%w: the headers of a record make no sense", errCorrupt)
		}
		if b.attributes&logAppendTime != 0 {
			at = b.written
		}
		if rec.Time = time.UnixMilli(at); offset >= from {
			out = append(out, entry{Record: rec})
		}
	}
	return out, nil
}
