package view

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink/sinktest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func colours(p termenv.Profile) styles {
	r := lipgloss.NewRenderer(&strings.Builder{})
	r.SetColorProfile(p)
	return newStyles(r)
}

// replayed is the state after so many seconds of the made-up call.
func replayed(seconds int) *state {
	s := &state{title: "delivery-call", done: time.Duration(seconds) * time.Second, total: time.Minute, elapsed: 4 * time.Second}
	for _, e := range sinktest.NewCall("delivery-call", 60).Events {
		if !e.Window.End.After(sinktest.Start().Add(s.done)) {
			s.add(e)
		}
	}
	return s
}

func TestTheViewFitsTheTerminal(t *testing.T) {
	for name, width := range map[string]int{"wide": 120, "usual": 80, "narrow": 48, "tiny": 24} {
		text := render(replayed(40), width, colours(termenv.Ascii))
		golden(t, name+".txt", text)
		for line := range strings.Lines(text) {
			assert.Less(t, lipgloss.Width(strings.TrimSuffix(line, "\n")), width)
		}
	}
}

func TestColoursAreThoseOfThePolarity(t *testing.T) {
	text := render(replayed(22), 100, colours(termenv.ANSI))
	golden(t, "colour.txt", text)
	assert.Contains(t, text, "\x1b[31m")
	assert.NotContains(t, render(replayed(22), 100, colours(termenv.Ascii)), "\x1b")
}

func TestTheSummarySaysHowItWentAndWhatWasMissing(t *testing.T) {
	golden(t, "summary.txt", renderSummary(replayed(60), 100, colours(termenv.Ascii)))
	assert.Contains(t, renderSummary(&state{}, 100, colours(termenv.Ascii)), "nothing could be scored")
}

func TestWhereNothingCanBeScoredTheViewSaysWhy(t *testing.T) {
	muted := reasons{ingest.ReasonNoTrack, ingest.ReasonMuted, ingest.ReasonMuted}
	at := func(second int) time.Time { return sinktest.Start().Add(time.Duration(second) * time.Second) }
	s := &state{done: 9 * time.Second, elapsed: time.Second}
	s.add(sinktest.Event("call", "alice", 5))
	s.silent("alice", at(5), reasons{}) // what came late has filled it
	assert.Contains(t, render(s, 100, colours(termenv.Ascii)), "+0.22  now +0.41 positive")

	s.silent("alice", at(6), muted)
	s.silent("bob", at(6), reasons{ingest.ReasonNoTrack, ingest.ReasonNoSpeech, ingest.ReasonMuted})
	for second := range 3 {
		s.silent("bob", at(7+second), muted)
	}
	golden(t, "silent.txt", render(s, 100, colours(termenv.Ascii))+renderLine(s)+"\n"+renderSummary(s, 100, colours(termenv.Ascii)))

	s.add(sinktest.Event("call", "alice", 7))
	assert.Contains(t, render(s, 100, colours(termenv.Ascii)), "+0.22  now +0.41 positive")
}

func TestASilentWindowIsShownAsItIs(t *testing.T) {
	var out strings.Builder
	v := New(&out, Options{Title: "call"})
	bob, err := ingest.NewParticipant("call", "bob")
	require.NoError(t, err)
	w := &features.Window{Participant: bob, End: sinktest.Start()}
	w.Streams[ingest.Video].Reason = ingest.ReasonNoFace
	v.Silent(w, sinktest.Start())
	require.NoError(t, v.Close(sinktest.Start()))
	assert.Contains(t, out.String(), "bob  nothing could be scored: no face in the picture\n")
}

func TestNamesCannotSteerTheTerminal(t *testing.T) {
	s := &state{title: "\x1b]0;title\a", total: time.Minute}
	for _, id := range append(sinktest.OddIDs(), "\x1b[2J", "a\nb\rc", "\u202eabc", "\x9b31m") {
		s.add(sinktest.Event("call", id, 1))
	}
	for _, text := range []string{render(s, 100, colours(termenv.Ascii)), renderSummary(s, 100, colours(termenv.Ascii)), renderLine(s)} {
		for _, r := range strings.ReplaceAll(text, "\n", "") {
			assert.NotContains(t, "\x1b\a\r\x9b\u202e\u0085", string(r))
		}
	}
	assert.LessOrEqual(t, strings.Count(render(s, 100, colours(termenv.Ascii)), "\n"), 2*crowd+3, "a crowd does not fill the screen")
}

func TestUtterancesCountOnlyWhereThereIsNothingElse(t *testing.T) {
	utterance := sinktest.Event("call", "alice", 1)
	utterance.ID, utterance.Window.Kind = "call/alice/utterance/1", "utterance"
	s := &state{}
	s.add(utterance)
	assert.Equal(t, 1, s.windows())
	sliding := sinktest.Event("call", "alice", 2)
	s.add(sliding)
	s.add(utterance)
	assert.Equal(t, 1, s.windows())
	corrected := *sliding
	corrected.Revision, corrected.Rolling.Participant = 2, -0.5
	s.add(&corrected)
	s.add(sinktest.Event("call", "alice", 1))
	assert.Equal(t, 1, s.windows())
	assert.Equal(t, []float64{-0.5}, s.people[0].trail)
}

func TestTrailsDoNotGrowForEver(t *testing.T) {
	var trail []float64
	for i := range 10 * memory {
		trail = push(trail, float64(i))
	}
	assert.LessOrEqual(t, len(trail), 2*memory)
	assert.InDelta(t, 10*memory-1, trail[len(trail)-1], 0)
	assert.Equal(t, []float64{1, 3, 5}, compress([]float64{0, 1, 2, 3, 4, 5}, 3))
}

func TestBarsHaveEighthsOfACell(t *testing.T) {
	for share, want := range map[float64]string{-1: "    ", 0: "    ", 0.5: "██  ", 0.53: "██▏ ", 1: "████", 2: "████"} {
		assert.Equal(t, want, bar(share, 4))
	}
}

// screen interprets what a View writes to a terminal.
type screen struct {
	mu     sync.Mutex
	lines  []string
	writes int
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	text := string(p)
	if rest, up := strings.CutPrefix(text, "\x1b["); up {
		n, after, _ := strings.Cut(rest, "A\r\x1b[J")
		count := 0
		for _, d := range n {
			count = 10*count + int(d-'0')
		}
		s.lines, text = s.lines[:len(s.lines)-count], after
	}
	for line := range strings.Lines(text) {
		s.lines = append(s.lines, strings.TrimSuffix(line, "\n"))
	}
	return len(p), nil
}

func TestATerminalIsRedrawnInPlaceAtMostTenTimesASecond(t *testing.T) {
	var s screen
	v := New(&s, Options{Title: "delivery-call", Terminal: true, Width: func() int { return 100 }})
	now := time.Unix(0, 0)
	events := sinktest.NewCall("delivery-call", 60).Events
	for i, e := range events {
		now = now.Add(10 * time.Millisecond)
		v.Event(e, now)
		v.Progress(e.Window.End.Sub(sinktest.Start()), time.Minute, now)
		if i == len(events)/2 {
			_, err := v.Write([]byte("level=INFO msg=hello\n"))
			require.NoError(t, err)
		}
	}
	assert.LessOrEqual(t, s.writes, len(events)/10+3)
	assert.Contains(t, s.lines[0], "msg=hello", "a log stands above")
	assert.Len(t, s.lines, 1+1+2*2+1)
	require.NoError(t, v.Close(now))
	require.NoError(t, v.Close(now))
	v.Event(events[0], now.Add(time.Hour))
	_, err := v.Write([]byte("bye\n"))
	require.NoError(t, err)
	assert.Contains(t, s.lines[1], "delivery-call: 1 min of call in")
	assert.Equal(t, "bye", s.lines[len(s.lines)-1])
}

func TestElsewhereAHandfulOfLinesIsEnough(t *testing.T) {
	var b strings.Builder
	v := New(&b, Options{Title: "delivery-call"})
	now := time.Unix(0, 0)
	for _, e := range sinktest.NewCall("delivery-call", 60).Events {
		now = now.Add(80 * time.Millisecond)
		v.Event(e, now)
		v.Progress(e.Window.End.Sub(sinktest.Start()), time.Minute, now)
	}
	require.NoError(t, v.Close(now))
	golden(t, "plain.txt", b.String())
}

type broken struct{}

var errGone = errors.New("gone")

func (broken) Write([]byte) (int, error) { return 0, errGone }

func TestAnErrorOfTheTerminalIsSaidAtTheEnd(t *testing.T) {
	v := New(broken{}, Options{Terminal: true})
	v.Event(sinktest.Event("call", "alice", 1), time.Unix(0, 0))
	_, err := v.Write([]byte("x\n"))
	require.ErrorIs(t, err, errGone)
	require.ErrorIs(t, v.Close(time.Unix(1, 0)), errGone)
}

func TestManyMayTalkAtOnce(t *testing.T) {
	var s screen
	v := New(&s, Options{Terminal: true})
	var running sync.WaitGroup
	for _, who := range []string{"alice", "bob", "carol"} {
		running.Go(func() {
			for i := range 100 {
				v.Event(sinktest.Event("call", who, i), time.Unix(int64(i), 0))
				v.Progress(time.Duration(i), 100, time.Unix(int64(i), 0))
			}
		})
	}
	running.Wait()
	require.NoError(t, v.Close(time.Unix(100, 0)))
}

func TestOptionsFollowTheTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	o := For(f, "call", func(string) (string, bool) { return "xterm", true })
	assert.False(t, o.Terminal, "a file is none")
	assert.False(t, o.Colour)
	assert.Equal(t, 80, o.Width())
	require.NoError(t, f.Close())
}
