package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// encode makes a record batch as a producer does.
func encode(tb testing.TB, base int64, codec compress.Compression, messages ...message) []byte {
	tb.Helper()
	var out bytes.Buffer
	_, err := (&protocol.RecordSet{Version: 2, Attributes: protocol.Attributes(codec), Records: records(messages)}).WriteTo(&out)
	require.NoError(tb, err)
	raw := out.Bytes()[4:]
	binary.BigEndian.PutUint64(raw, uint64(base))
	return raw
}

// seal makes the checksum right again after a change.
func seal(raw []byte) []byte {
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// mark sets attributes, the producer and the time of writing of a batch.
func mark(raw []byte, attributes uint16, producer int64, written time.Time) []byte {
	binary.BigEndian.PutUint16(raw[21:], binary.BigEndian.Uint16(raw[21:])|attributes)
	binary.BigEndian.PutUint64(raw[35:], uint64(written.UnixMilli()))
	binary.BigEndian.PutUint64(raw[43:], uint64(producer))
	return seal(raw)
}

// hollow is a batch whose records were compacted away.
func hollow(tb testing.TB, base, last int64) []byte {
	tb.Helper()
	raw := encode(tb, base, compress.None, message{value: []byte("x")})
	raw = raw[:batchStart+batchHeader]
	binary.BigEndian.PutUint32(raw[8:], batchHeader)
	binary.BigEndian.PutUint32(raw[23:], uint32(last-base))
	binary.BigEndian.PutUint32(raw[57:], 0)
	return seal(raw)
}

func damaged(raw []byte) []byte {
	raw[len(raw)-2] ^= 0xff
	return raw
}

// ending is the control batch at the end of a transaction.
func ending(tb testing.TB, base, producer int64, commit bool) []byte {
	tb.Helper()
	key := []byte{0, 0, 0, 0}
	if commit {
		key[3] = 1
	}
	return mark(encode(tb, base, compress.None, message{key: key, value: []byte{0, 0, 0, 0, 0, 0}}), control|transactional, producer, time.Now())
}

func decodeAll(tb testing.TB, f *fetched, from int64) (values []string, bad int, next int64) {
	tb.Helper()
	entries, next, err := newDecoder("a", 3).decode(nil, f, from)
	require.NoError(tb, err)
	for _, e := range entries {
		if e.bad != nil {
			bad++
			require.ErrorIs(tb, e.bad, ErrPoison)
			continue
		}
		values = append(values, fmt.Sprintf("%d:%s", e.Offset, e.Value))
	}
	return values, bad, next
}

func TestABatchIsReadAsItWasWrittenWhateverItsCompression(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	for _, codec := range []compress.Compression{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd} {
		raw := encode(t, 7, codec,
			message{key: []byte("call"), value: []byte(strings.Repeat("v", 5000)), time: at, headers: []Header{{"participant", []byte("ann")}, {"none", nil}}},
			message{key: []byte("call"), time: at.Add(5 * time.Millisecond)},
			message{value: []byte{}, time: at.Add(-time.Millisecond)})
		entries, next, err := newDecoder("a", 3).decode(nil, &fetched{raw: raw}, 7)
		require.NoError(t, err)
		require.Len(t, entries, 3)
		assert.Equal(t, int64(10), next)
		assert.Equal(t, Record{
			Topic: "a", Partition: 3, Offset: 7, Key: []byte("call"), Value: []byte(strings.Repeat("v", 5000)), Time: at,
			Headers: []Header{{"participant", []byte("ann")}, {"none", nil}},
		}, entries[0].Record)
		assert.Nil(t, entries[1].Value, "a tombstone has no value")
		assert.Equal(t, at.Add(5*time.Millisecond), entries[1].Time)
		assert.NotNil(t, entries[2].Value, "an empty value is one")
		assert.Nil(t, entries[2].Key)
	}
}

func TestTheTimeOfARecordIsTheBrokersWhereTheTopicSaysSo(t *testing.T) {
	created, written := time.UnixMilli(1_000_000), time.UnixMilli(2_000_000)
	raw := mark(encode(t, 0, compress.None, message{time: created}, message{time: created}), logAppendTime, -1, written)
	entries, _, err := newDecoder("a", 0).decode(nil, &fetched{raw: raw}, 0)
	require.NoError(t, err)
	for _, e := range entries {
		assert.Equal(t, written, e.Time)
	}
}

func TestReadingGoesOnBehindWhatIsNotThereAnyMore(t *testing.T) {
	one := func(base int64, v string) []byte { return encode(t, base, compress.None, message{value: []byte(v)}) }
	for _, c := range []struct {
		name   string
		raw    [][]byte
		failed []failedTransaction
		from   int64
		values []string
		bad    int
		next   int64
	}{
		{"nothing", nil, nil, 5, nil, 0, 5},
		{"a batch that begins before", [][]byte{encode(t, 3, compress.None, message{value: []byte("x")}, message{value: []byte("y")}, message{value: []byte("z")})}, nil, 4, []string{"4:y", "5:z"}, 0, 6},
		{"a gap", [][]byte{one(9, "x")}, nil, 4, []string{"9:x"}, 0, 10},
		{"a batch that was compacted away", [][]byte{hollow(t, 2, 40)}, nil, 5, nil, 0, 41},
		{"one cut off at the end", [][]byte{one(0, "x"), one(1, "y")[:20]}, nil, 0, []string{"0:x"}, 0, 1},
		{"the end of a transaction", [][]byte{mark(one(0, "x"), transactional, 9, time.Now()), ending(t, 1, 9, true)}, nil, 0, []string{"0:x"}, 0, 2},
		{
			"a failed transaction", [][]byte{
				mark(one(0, "x"), transactional, 9, time.Now()), one(1, "y"), mark(one(2, "z"), transactional, 8, time.Now()), ending(t, 3, 9, false),
				mark(one(4, "again"), transactional, 9, time.Now()),
			}, []failedTransaction{{9, 0}}, 0, []string{"1:y", "2:z", "4:again"}, 0, 5,
		},
		{"a wrong checksum", [][]byte{damaged(one(0, "x")), one(1, "y")}, nil, 0, []string{"1:y"}, 1, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			values, bad, next := decodeAll(t, &fetched{raw: bytes.Join(c.raw, nil), failed: c.failed}, c.from)
			assert.Equal(t, c.values, values)
			assert.Equal(t, c.bad, bad)
			assert.Equal(t, c.next, next)
		})
	}
}

func TestABatchThatCannotBeReadIsADeadLetterWithAllItsBytes(t *testing.T) {
	raw := encode(t, 4, compress.None, message{value: []byte("x")}, message{value: []byte("y")})
	binary.BigEndian.PutUint32(raw[57:], 9) // more records than there are
	entries, next, err := newDecoder("a", 0).decode(nil, &fetched{raw: seal(raw)}, 4)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.ErrorIs(t, entries[0].bad, errCorrupt)
	assert.Equal(t, raw, entries[0].Value)
	assert.Equal(t, int64(4), entries[0].Offset)
	assert.Equal(t, int64(6), next)
}

func TestACompressedBombIsPoison(t *testing.T) {
	raw := encode(t, 0, compress.Zstd, message{value: make([]byte, maxInflated+1)})
	_, bad, next := decodeAll(t, &fetched{raw: raw}, 0)
	assert.Equal(t, 1, bad)
	assert.Equal(t, int64(1), next)
}

func FuzzBatch(f *testing.F) {
	at := time.UnixMilli(1_700_000_000_123)
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		f.Add(encode(f, 7, codec, message{key: []byte("call"), value: []byte("value"), time: at, headers: []Header{{"h", []byte("v")}}}, message{time: at}), int64(7), true)
	}
	f.Add(hollow(f, 2, 40), int64(5), false)
	f.Add(ending(f, 1, 9, false), int64(0), false)
	f.Fuzz(func(t *testing.T, raw []byte, from int64, sealed bool) {
		if from < 0 || len(raw) > 1<<16 {
			return
		}
		if sealed && len(raw) >= 21 {
			seal(raw)
		}
		entries, next, err := newDecoder("a", 0).decode(nil, &fetched{raw: raw, failed: []failedTransaction{{9, 0}}}, from)
		if err != nil {
			require.ErrorIs(t, err, errProtocol)
		}
		require.GreaterOrEqual(t, next, from, "reading never goes back")
		for _, e := range entries {
			require.GreaterOrEqual(t, e.Offset, from)
			require.Less(t, e.Offset, next)
		}
	})
}

func FuzzFetch(f *testing.F) {
	body := make([]byte, 0, 200)
	body = append(body, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	body = append(body, 0, 0, 0, 1, 0, 1, 'a', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	body = append(body, make([]byte, 8*3+4+4)...)
	body = append(body, 0, 0, 0, 1, 7)
	f.Add(body, int16(11))
	f.Add(body, int16(4))
	f.Fuzz(func(t *testing.T, body []byte, version int16) {
		got, err := parseFetch(version, body)
		if err != nil {
			require.ErrorIs(t, err, errProtocol)
			return
		}
		require.LessOrEqual(t, len(got.raw), len(body))
	})
}

func TestAFetchResponseIsRead(t *testing.T) {
	body := []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	body = append(body, 0, 0, 0, 1, 0, 1, 'a', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	for _, v := range []uint64{12, 11, 3} {
		body = binary.BigEndian.AppendUint64(body, v)
	}
	body = append(body, 0, 0, 0, 1)
	body = binary.BigEndian.AppendUint64(body, 9)
	body = binary.BigEndian.AppendUint64(body, 5)
	body = append(body, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2, 7, 8)
	got, err := parseFetch(11, body)
	require.NoError(t, err)
	assert.Equal(t, &fetched{end: 11, start: 3, failed: []failedTransaction{{9, 5}}, raw: []byte{7, 8}}, got)
	for i := range body {
		_, err = parseFetch(11, body[:i])
		require.ErrorIs(t, err, errProtocol)
	}
	body[9] = byte(kafkago.UnknownTopicOrPartition)
	got, err = parseFetch(11, body)
	require.NoError(t, err)
	assert.Equal(t, kafkago.UnknownTopicOrPartition, got.code)
}

func BenchmarkDecode(b *testing.B) {
	messages := make([]message, 1000)
	for i := range messages {
		messages[i] = message{key: []byte("call"), value: make([]byte, 300), headers: []Header{{"participant", []byte("ann")}}, time: time.Now()}
	}
	f := &fetched{raw: encode(b, 0, compress.None, messages...)}
	d := newDecoder("a", 0)
	b.ReportAllocs()
	b.SetBytes(int64(len(f.raw)))
	var entries []entry
	for b.Loop() {
		entries, _, _ = d.decode(entries[:0], f, 0)
	}
	b.ReportMetric(float64(len(entries)*b.N)/b.Elapsed().Seconds(), "records/s")
}
