package report_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference"
	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/sink"
	"github.com/valence-live/valence/sink/report"
	"github.com/valence-live/valence/sink/sinktest"
)

func call(seconds int) report.Call {
	c := sinktest.NewCall("delivery-call", seconds)
	return report.Call{Events: c.Events, Transcript: c.Transcript, Start: c.Start, End: c.End}
}

func draw(t *testing.T, c report.Call) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, report.Write(&b, c))
	return b.String()
}

// elements parses a page and returns its elements.
func elements(t *testing.T, page string) []*html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var all []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			all = append(all, n)
		}
	}
	return all
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// text is what a reader sees, without scripts and styles.
func text(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestThePageTellsTheStoryOfTheCall(t *testing.T) {
	seen := text(t, draw(t, call(60)))
	for _, want := range []string{
		"delivery-call",
		"alice opens positive, turns negative at 0:14 and turns positive again at 0:36.",
		"2 March 2026, 09:30:00 UTC", "1 min", "valence-text-guided-d64", "version 0.1.0", "streams agree to 12 ms",
		"nothing to score", "nobody speaks for 11 s", "not sent", "at times switched off",
		"It was a terrible week, nobody answered and I lost a whole day of shooting.",
	} {
		assert.Contains(t, seen, want)
	}
}

func TestEqualCallsGiveEqualPages(t *testing.T) {
	c := call(60)
	shuffled := c
	shuffled.Events = append(slices.Clone(c.Events), c.Events[:10]...)
	slices.Reverse(shuffled.Events)
	assert.Equal(t, draw(t, c), draw(t, shuffled))
}

func TestOfEachIDTheHighestRevisionIsShown(t *testing.T) {
	c := call(20)
	corrected := *c.Events[3]
	corrected.Revision, corrected.Score = 2, -0.9876
	c.Events = append(c.Events, &corrected)
	assert.Contains(t, text(t, draw(t, c)), "−0.99")
}

func TestThePageLoadsNothingAndRunsOnlyItsOwnScript(t *testing.T) {
	page := draw(t, call(60))
	var policy string
	hashes := map[string]string{}
	for _, n := range elements(t, page) {
		for _, a := range n.Attr {
			assert.False(t, strings.HasPrefix(a.Key, "on"), "handler %s", a.Key)
			if a.Key == "src" || a.Key == "href" || a.Key == "xlink:href" || a.Key == "action" {
				assert.True(t, strings.HasPrefix(a.Val, "#"), "%s=%s", a.Key, a.Val)
			}
		}
		if n.Data == "meta" && attribute(n, "http-equiv") == "Content-Security-Policy" {
			policy = attribute(n, "content")
		}
		if n.Data == "style" || n.Data == "script" && attribute(n, "type") == "" {
			sum := sha256.Sum256([]byte(n.FirstChild.Data))
			hashes[n.Data] = "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
			assert.NotContains(t, n.FirstChild.Data, "@import")
			assert.NotContains(t, n.FirstChild.Data, "http")
		}
	}
	assert.Contains(t, policy, "default-src 'none'")
	assert.Contains(t, policy, "script-src "+hashes["script"])
	assert.Contains(t, policy, "style-src-elem "+hashes["style"])
}

func TestACallMayLackAnything(t *testing.T) {
	require.ErrorIs(t, report.Write(io.Discard, report.Call{}), report.ErrEmpty)

	full := call(30)
	words := report.Call{Transcript: full.Transcript}
	assert.Contains(t, text(t, draw(t, words)), "alice could not be scored: nothing was heard or seen.")

	wordless := report.Call{Events: full.Events}
	assert.NotContains(t, text(t, draw(t, wordless)), "What was said")

	var utterances []*sink.Event
	for _, e := range full.Events {
		if e.Window.Kind == features.Utterance {
			utterances = append(utterances, e)
		}
	}
	alone := text(t, draw(t, report.Call{Events: utterances, Transcript: full.Transcript}))
	assert.Contains(t, alone, "Score of each utterance")
	assert.Contains(t, alone, "alice opens positive")
	assert.NotContains(t, alone, "nothing to score", "between utterances nothing is missing")

	draw(t, report.Call{Events: full.Events[:1]})
}

func TestWordsThatTheModelLookedAtStandOut(t *testing.T) {
	c := call(20)
	love := c.Transcript["alice"][1].Words[1]
	require.Equal(t, "love", love.Text)
	c.Attention = []report.Attention{
		{Participant: "alice", Time: love.Start, Share: 3},
		{Participant: "bob", Time: love.Start, Share: 9},
		{Participant: "alice", Time: love.End, Share: 1.5},
	}
	page := draw(t, c)
	assert.Contains(t, page, `<em class="look2">love</em>`)
	assert.Contains(t, page, `<em class="look1">the</em>`)
}

func TestAttentionIsAMultipleOfAnEvenShare(t *testing.T) {
	alice, err := ingest.NewParticipant("call", "alice")
	require.NoError(t, err)
	at := sinktest.Start()
	score := inference.Score{
		Window:    &features.Window{Participant: alice, Text: []features.Vector{{Start: at}, {Start: at.Add(time.Second)}}},
		Attention: []float32{0.25, 0.75, 0},
	}
	assert.Equal(t, []report.Attention{
		{Participant: "alice", Time: at, Share: 0.5}, {Participant: "alice", Time: at.Add(time.Second), Share: 1.5},
	}, report.AttentionOf(score))
}

func TestALongCallStaysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("draws half an hour")
	}
	assert.Less(t, len(draw(t, call(30*60))), 3<<18, "half an hour of two people")
}

func TestAnUnknownBeginningIsSaid(t *testing.T) {
	c := call(10)
	shift := c.Start.Sub(time.Unix(0, 0))
	c.Start, c.End, c.Transcript = c.Start.Add(-shift), c.End.Add(-shift), nil
	for _, e := range c.Events {
		e.Window.Start, e.Window.End = e.Window.Start.Add(-shift), e.Window.End.Add(-shift)
	}
	assert.Contains(t, text(t, draw(t, c)), "Begannot recorded")
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestAWriteThatFailsIsSaid(t *testing.T) {
	require.ErrorIs(t, report.Write(full{}, call(5)), errFull)
}

func BenchmarkWrite(b *testing.B) {
	c := call(3600)
	b.ReportAllocs()
	for range b.N {
		if err := report.Write(io.Discard, c); err != nil {
			b.Fatal(err)
		}
	}
}
