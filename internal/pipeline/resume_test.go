package pipeline

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/memory"
	"github.com/valence-live/valence/sink/rolling"
)

// telling scores a window by what is in it and before it, so that a window that
// holds or hears less has another score.
type telling struct{ constant }

func (m *telling) Predict(ctx context.Context, windows []*features.Window) []inference.Result {
	results := m.constant.Predict(ctx, windows)
	for i, w := range windows {
		sum := 0.0
		for _, v := range w.Audio {
			sum += float64(v.Values[0])
		}
		for _, v := range w.Text {
			sum += float64(v.Values[0] * v.Weight)
		}
		if b := w.Before; b.Seconds > 0 {
			sum += float64(b.Values[0] * b.Seconds)
		}
		results[i].Score.Value = sum / 1000
	}
	return results
}

// agreeing is a sink that refuses an event that says something else than one of
// the same id and revision did.
type agreeing struct {
	*memory.Store
	mu   sync.Mutex
	said map[string]string
}

func (a *agreeing) Publish(ctx context.Context, e *sink.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	key, said := fmt.Sprintf("%s@%d", e.ID, e.Revision), e.Repeatable()
	line, err := sink.Encode(&said)
	if err != nil {
		return err
	}
	if before, ok := a.said[key]; ok && before != string(line) {
		return fmt.Errorf("%s is now %s", before, line)
	}
	a.said[key] = string(line)
	return a.Store.Publish(ctx, e)
}

// entry is one record of a log: a unit of somebody, or the time.
type entry struct {
	who  int
	unit features.Unit
	at   time.Time
}

// logOf is a log of steps of sound of some people, ten a second each, and of a
// sentence every three seconds: as soon as it was said, but for every third,
// which comes some seconds late and corrects what was final by then, and is
// itself amended a second later.
func logOf(people, seconds int) []entry {
	var out []entry
	for i := range seconds * 10 {
		at := time.Unix(1000, 0).Add(time.Duration(i) * 100 * time.Millisecond)
		for who := range people {
			n := i + 10*who
			if n%30 == 0 && n%90 != 0 && i > 0 {
				out = append(out, entry{who, sentence(n, at), at})
			}
			if late := n - 40; late%90 == 0 && i > 60 {
				out = append(out, entry{who, sentence(late, at.Add(-4*time.Second)), at})
			}
			if late := n - 50; late%90 == 0 && i > 60 {
				out = append(out, entry{who, amended(sentence(late, at.Add(-5*time.Second))), at})
			}
			out = append(out, entry{who, features.Vector{
				Modality: ingest.Audio, Start: at, End: at.Add(100 * time.Millisecond), Values: []float32{float32((i*7 + who*3) % 11)},
				Clock: ingest.Clock{Source: ingest.ClockRecord},
			}, at})
		}
	}
	return out
}

// sentence is one of two words that ended there.
func sentence(n int, end time.Time) features.Segment {
	s := features.Segment{ID: strconv.Itoa(n), Start: end.Add(-2 * time.Second), End: end, Final: true, Clock: ingest.Clock{Source: ingest.ClockRecord}}
	for i := range 2 {
		from := s.Start.Add(time.Duration(i) * time.Second)
		s.Tokens = append(s.Tokens, features.Vector{Start: from, End: from.Add(time.Second), Values: []float32{float32((n + 7*i) % 13)}, Clock: s.Clock})
		s.Words = append(s.Words, features.Interval{Start: from, End: from.Add(time.Second)})
	}
	return s
}

// amended is the sentence with another word at its end.
func amended(s features.Segment) features.Segment {
	s.Tokens[1].Values = []float32{s.Tokens[1].Values[0] + 1}
	return s
}

// replayLog runs entries through a call and returns it, still open.
func replayLog(t require.TestingT, c *Call, people []*ingest.Participant, entries []entry) {
	for _, e := range entries {
		require.NoError(t, c.Push(context.Background(), people[e.who], e.unit))
		require.NoError(t, c.Advance(e.at))
	}
}

// logAlign needs little enough of the past that a call is read again in part.
func logAlign() align.Config {
	cfg := align.Default()
	cfg.Correction, cfg.Context = 6*time.Second, 10*time.Second
	return cfg
}

func logCall(t *testing.T, store sink.Publisher, from *Resume) *Call {
	t.Helper()
	cfg := CallConfig{Align: logAlign(), Rolling: rolling.Default(), Mode: Log, Resume: from}
	c, err := engineWith(t, &telling{constant{value: 0.5}}).NewCall(cfg, store)
	require.NoError(t, err)
	require.NoError(t, c.Start(context.Background()))
	return c
}

// Wherever a call is taken over, and however much of what was done since the
// checkpoint is done again, the events are those of a call that was never
// interrupted.
func TestATakenOverCallPublishesWhatAnUninterruptedOneDoes(t *testing.T) {
	const people, seconds = 2, 60
	log := logOf(people, seconds)
	ids := []string{"alice", "bob"}
	whole := memory.New(memory.Default())
	c := logCall(t, whole, nil)
	replayLog(t, c, consenting(t, ids...), log)
	require.NoError(t, c.Finish(context.Background()))
	want := whole.Session("call")
	require.Greater(t, len(want), 100)

	rapid.Check(t, func(rt *rapid.T) {
		store := &agreeing{Store: memory.New(memory.Default()), said: map[string]string{}}
		var resume *Resume
		from := 0
		for range rapid.IntRange(1, 3).Draw(rt, "owners that die") {
			checkpoint := rapid.IntRange(from+1, len(log)-1).Draw(rt, "records until the checkpoint")
			crash := rapid.IntRange(checkpoint, len(log)).Draw(rt, "records until the crash")
			owner, people := logCall(t, store, resume), consenting(t, ids...)
			replayLog(rt, owner, people, log[from:checkpoint])
			state, err := owner.Checkpoint(context.Background())
			require.NoError(rt, err)
			replayLog(rt, owner, people, log[checkpoint:crash])
			_, err = owner.Checkpoint(context.Background()) // what was handed in is published, then the process dies
			require.NoError(rt, err)
			require.NoError(rt, abandon(owner))
			from, resume = takeOver(log, ids, state)
		}
		last := logCall(t, store, resume)
		replayLog(rt, last, consenting(t, ids...), log[from:])
		require.NoError(rt, last.Finish(context.Background()))
		got := store.Session("call")
		require.Len(rt, got, len(want))
		for i := range want {
			assert.Equal(rt, want[i].Repeatable(), got[i].Repeatable())
		}
	})
}

// takeOver is from which record on the next owner of the log reads, and with what.
func takeOver(log []entry, ids []string, state State) (int, *Resume) {
	needed := time.Unix(2000, 0)
	for _, id := range ids {
		if end := state.Published[id].Until; end.Before(needed) {
			needed = end
		}
	}
	align := logAlign()
	needed = needed.Add(-align.Limits.Window - align.Correction - align.Lateness - align.Context)
	from := 0
	for from < len(log) && log[from].at.Before(needed) {
		from++
	}
	complete := log[from].at.Add(align.Lateness + align.Context)
	if from == 0 {
		complete = time.Time{} // this is how it began
	}
	return from, &Resume{State: state, Complete: complete}
}

// abandon ends a call whose process has died, in a test.
func abandon(c *Call) error {
	c.windows.Discard()
	return c.Finish(context.Background())
}
