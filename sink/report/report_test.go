package report_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
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

// unscored are the sliding windows of a call in which nothing is to be scored.
func unscored(c report.Call) []report.Silence {
	known := map[string]bool{}
	for _, e := range c.Events {
		known[e.ID] = true
	}
	var all []report.Silence
	for end := c.Start.Add(time.Second); !end.After(c.End); end = end.Add(time.Second) {
		for who, camera := range map[string]ingest.Reason{"alice": ingest.ReasonMuted, "bob": ingest.ReasonNoTrack} {
			if !known[fmt.Sprintf("delivery-call/%s/sliding/%d", who, end.UnixMilli())] {
				all = append(all, report.Silence{
					Participant: who, Start: end.Add(-8 * time.Second), End: end,
					Reasons: [ingest.NumModalities]ingest.Reason{ingest.ReasonNoWords, ingest.ReasonNoSpeech, camera},
				})
			}
		}
	}
	return all
}

// titles are what the hatched places of a page say under the cursor.
func titles(t *testing.T, page string) (all []string) {
	t.Helper()
	for _, n := range elements(t, page) {
		if attribute(n, "class") == "gap" {
			all = append(all, attribute(n, "title"))
		}
	}
	return all
}

func TestWhereNothingCouldBeScoredThePageSaysWhy(t *testing.T) {
	c := call(60)
	blind := draw(t, c)
	assert.Contains(t, titles(t, blind), "0:29 to 0:35: nothing to score")
	c.Silent = unscored(c)
	require.NotEmpty(t, c.Silent)
	page := draw(t, c)
	seen, hatched := text(t, page), titles(t, page)
	assert.Contains(t, hatched, "0:29 to 0:35: nothing to score: nothing said, no speech, face switched off")
	assert.Contains(t, hatched, "0:29 to 0:39: Words nothing said", "one stretch, whether others were scored meanwhile or not")
	assert.Contains(t, seen, "nothing to scorenothing said, no speech, face not sent")
	assert.Contains(t, seen, "0:28–0:38bobnothing to scorenothing saidno speechnot sent", "in the table, once for all that is the same")
	assert.NotEqual(t, blind, page)

	slices.Reverse(c.Silent)
	assert.Equal(t, page, draw(t, c))
}

func TestACallWithoutAnyScoreSaysWhy(t *testing.T) {
	c := call(30)
	c.Events, c.Transcript = nil, nil
	for i := range 15 {
		end := c.Start.Add(time.Duration(i+1) * 2 * time.Second)
		why := [ingest.NumModalities]ingest.Reason{ingest.ReasonNoTrack, ingest.ReasonMuted, ingest.ReasonNoFace}
		if i == 0 {
			why[ingest.Audio] = ingest.ReasonNoSpeech // not silent for long enough
		}
		c.Silent = append(c.Silent, report.Silence{Participant: "ann", Start: end.Add(-8 * time.Second), End: end, Reasons: why})
	}
	page := draw(t, c)
	seen := text(t, page)
	for _, want := range []string{
		"ann could not be scored: words not sent, voice switched off, no face in the picture.", "nothing could be scored",
		"Voice0 %switched off and no speech", "30 s", "no score",
	} {
		assert.Contains(t, seen, want)
	}
	assert.NotContains(t, seen, "Rolling score", "a legend of what is not there")
	assert.Contains(t, titles(t, page), "0:00 to 0:30: nothing to score: words not sent, voice switched off, no face in the picture")
	assert.Contains(t, titles(t, page), "0:00 to 0:30: Face no face in the picture")
}

func TestWhatCameLateFillsASilentWindow(t *testing.T) {
	c := call(20)
	want := draw(t, c)
	for _, e := range c.Events {
		if e.Window.Kind == features.Sliding {
			c.Silent = append(c.Silent, report.Silence{Participant: e.Participant, Start: e.Window.Start, End: e.Window.End})
		}
	}
	assert.Equal(t, want, draw(t, c))
}

func TestASilentWindowIsToldAsItIs(t *testing.T) {
	alice, err := ingest.NewParticipant("call", "alice")
	require.NoError(t, err)
	w := &features.Window{Participant: alice, Start: sinktest.Start(), End: sinktest.Start().Add(8 * time.Second)}
	w.Streams[ingest.Video].Reason = ingest.ReasonNoFace
	want := report.Silence{Participant: "alice", Start: w.Start, End: w.End}
	want.Reasons[ingest.Video] = ingest.ReasonNoFace
	assert.Equal(t, want, report.SilenceOf(w))
}

func TestNoLineOfTheSummaryBeginsWithAFullStop(t *testing.T) {
	page := draw(t, call(60))
	assert.Contains(t, page, `>0:36</button>.</span></p>`)
	assert.Contains(t, page, `.stay { white-space: nowrap; }`)
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
