package jsonl_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/jsonl"
	"github.com/valence-live/valence/sink/sinktest"
)

// buffer is a bytes.Buffer that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	bytes.Buffer
	writes int
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	return b.Buffer.Write(p)
}

func (b *buffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

func TestConformance(t *testing.T) {
	sinktest.Run(t, func(*testing.T) sinktest.Harness {
		var b buffer
		w := jsonl.New(&b)
		return sinktest.Harness{
			Publisher: w, Close: w.Close,
			Events: func(t *testing.T, session string) []*sink.Event {
				t.Helper()
				var own []*sink.Event
				for e, err := range jsonl.Read(strings.NewReader(b.text())) {
					require.NoError(t, err)
					if e.Session == session {
						own = append(own, e)
					}
				}
				return own
			},
		}
	})
}

func TestAnEventIsOneWriteOfAWholeLine(t *testing.T) {
	var b buffer
	w := jsonl.New(&b)
	for i := range 3 {
		require.NoError(t, w.Publish(t.Context(), sinktest.Event("call", "alice", i)))
		assert.Equal(t, i+1, b.writes)
		assert.True(t, strings.HasSuffix(b.text(), "}\n"))
	}
}

func TestCloseFlushesWhatCanBeFlushed(t *testing.T) {
	var b bytes.Buffer
	w := jsonl.New(bufio.NewWriter(&b))
	require.NoError(t, w.Publish(t.Context(), sinktest.Event("call", "alice", 1)))
	assert.Empty(t, b.String())
	require.NoError(t, w.Close())
	assert.NotEmpty(t, b.String())
}

func TestAReaderThatHasGoneIsSaidByName(t *testing.T) {
	r, pipe, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	w := jsonl.New(pipe)
	require.ErrorIs(t, w.Publish(t.Context(), sinktest.Event("call", "alice", 1)), jsonl.ErrReaderGone)
	require.ErrorIs(t, w.Close(), jsonl.ErrReaderGone)
	require.NoError(t, pipe.Close())
}

type failing struct{ writes int }

var errFull = errors.New("no space left")

func (f *failing) Write(p []byte) (int, error) {
	f.writes++
	return len(p) / 2, errFull
}

func (f *failing) Flush() error { return errFull }

func TestNothingFollowsATornLine(t *testing.T) {
	var f failing
	w := jsonl.New(&f)
	for range 3 {
		require.ErrorIs(t, w.Publish(t.Context(), sinktest.Event("call", "alice", 1)), errFull)
	}
	assert.Equal(t, 1, f.writes)
	require.ErrorIs(t, w.Close(), errFull)
	require.ErrorIs(t, w.Close(), errFull)
	require.ErrorIs(t, jsonl.New(&f).Close(), errFull, "a flush that fails is said")
}

func TestReadSaysWhichLineIsBroken(t *testing.T) {
	line, err := sink.Encode(sinktest.Event("call", "alice", 1))
	require.NoError(t, err)
	events, failure := 0, error(nil)
	for e, err := range jsonl.Read(strings.NewReader(string(line) + "\n\n" + string(line) + "\n{\"score\":")) {
		if failure = err; err == nil {
			assert.Equal(t, "alice", e.Participant)
			events++
		}
	}
	assert.Equal(t, 2, events)
	require.ErrorContains(t, failure, "line 4")
	for _, err := range jsonl.Read(io.MultiReader(bytes.NewReader(line), strings.NewReader("\n{"))) {
		require.NoError(t, err)
		break // a reader may stop early
	}
	for _, err := range jsonl.Read(strings.NewReader(strings.Repeat("x", 2<<20))) {
		require.ErrorIs(t, err, bufio.ErrTooLong)
	}
}

func BenchmarkPublish(b *testing.B) {
	w := jsonl.New(io.Discard)
	e := sinktest.Event("call", "alice", 1)
	b.ReportAllocs()
	for range b.N {
		if err := w.Publish(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
}
