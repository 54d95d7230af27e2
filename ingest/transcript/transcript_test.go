package transcript

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
)

var origin = time.Date(2024, 5, 17, 9, 30, 0, 0, time.UTC)

func read(t *testing.T, name, text string) []ingest.Segment {
	t.Helper()
	segments, err := Read(name, strings.NewReader(text), origin)
	require.NoError(t, err)
	return segments
}

func at(seconds float64) time.Time {
	return origin.Add(time.Duration(seconds * float64(time.Second)))
}

func final(id string, start, end float64, text string, words ...ingest.Word) ingest.Segment {
	return ingest.Segment{ID: id, Start: at(start), End: at(end), Text: text, Words: words, Final: true}
}

func word(text string, start, end float64) ingest.Word {
	return ingest.Word{Text: text, Start: at(start), End: at(end)}
}

func TestWebVTTIsReadAsTheStandardSays(t *testing.T) {
	assert.Equal(t, []ingest.Segment{
		final("intro-1", 1, 2.5, "Hello, world & all."),
		final("-1", 3, 4, "two lines"),
		final("7", 3600, 3601.001, "an hour in"),
		final("a%20b", 3602, 3603, "with settings"),
		final("-2", 3604, 3605, "no blank line before"),
		final("after-a-lone-line", 3606, 3607, "x"),
	}, read(t, "x.vtt", "\ufeffWEBVTT - a title\r\nKind: captions\r\n\r\n"+
		"NOTE a remark\r\nover two lines\r\n\r\nSTYLE\n::cue { color: red }\n\nREGION\nid:fred\n\n"+
		"intro-1\r\n00:01.000 --> 00:02.500\r\n<v Ann>Hello, <i.loud>world</i> &amp; all.</v>\r\n\r\n\r\n"+
		"00:00:03.000 --> 00:00:04.000\ntwo\nlines\n\n"+
		"7\n01:00:00.000 --> 01:00:01.001\nan hour in\n\n"+
		"a b\n01:00:02.000 --> 01:00:03.000 align:start line:0%\nwith settings\n"+
		"01:00:04.000 --> 01:00:05.000\nno blank line before\n\n"+
		"a lone line\n\nafter-a-lone-line\n01:00:06.000-->01:00:07.000\nx\n\n"+
		"empty\n01:00:08.000 --> 01:00:09.000\n \n"))
}

func TestWebVTTTimeStampsBetweenWordsAreTheirTimes(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		words []ingest.Word
	}{
		"each word":               {"I <00:00:01.200>love <00:00:01.500>it.", []ingest.Word{word("I", 1, 1.2), word("love", 1.2, 1.5), word("it.", 1.5, 2)}},
		"a pause":                 {"Hi,<00:00:01.200> <00:00:01.600>you", []ingest.Word{word("Hi,", 1, 1.2), word("you", 1.6, 2)}},
		"as video sites write it": {"so<00:00:01.500><c> good</c>", []ingest.Word{word("so", 1, 1.5), word("good", 1.5, 2)}},
		"some words":              {"ab abcdef <00:00:01.800>z", []ingest.Word{word("ab", 1, 1.2), word("abcdef", 1.2, 1.8), word("z", 1.8, 2)}},
		"inside a word":           {"won<00:00:01.500>der <00:00:01.700>ful", []ingest.Word{word("wonder", 1, 1.7), word("ful", 1.7, 2)}},
		"backwards, outside":      {"a <00:00:01.500>b <00:00:01.100>c <00:00:09.000>d", []ingest.Word{word("a", 1, 1.5), word("b", 1.5, 1.666666666), word("c", 1.666666666, 1.833333333), word("d", 1.833333333, 2)}},
		"no time at all":          {"a b c", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := read(t, "x.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n"+c.text)
			require.Len(t, s, 1)
			assert.Equal(t, c.words, s[0].Words)
		})
	}
}

func TestSubRipIsReadAsItIsFound(t *testing.T) {
	assert.Equal(t, []ingest.Segment{
		final("1", 1, 2.5, "Hello, world."),
		final("2", 3, 4.5, "I <3 you and I --> you"),
		final("2-2", 5, 6, "the same number, a point, after a blank line"),
		final("-1", 7, 8, "no number"),
		final("-2", 9, 10, "neither"),
		final("scene-4", 11, 12, "a word for a number"),
	}, read(t, "x.SRT", "1\r\n00:00:01,000 --> 00:00:02,500 X1:10 X2:20\r\n{\\an8}<i>Hello</i>,\r\n<font color=\"red\">world</font>.\r\n\r\n"+
		"2\n00:00:03,000 --> 00:00:04,5\nI <3 you\nand I --> you\n\n"+
		"2\n0:00:05.000 --> 0:00:06.000\nthe same number, a point,\n\nafter a blank line\n\n"+
		"00:00:07,000 --> 00:00:08,000\nno number\n00:00:09,000 --> 00:00:10,000\nneither\n\n"+
		"scene-4\n00:00:11,000 --> 00:00:12,000\na word for a number"))
	assert.Empty(t, read(t, "x.srt", " \n"))
}

func TestJSONIsReadAsTheInterfaceTakesIt(t *testing.T) {
	assert.Equal(t, []ingest.Segment{
		final("s1", 1, 2, "I do", word("I", 1, 1.5), word("do", 1.5, 2)),
		final("s2", 2.5, 3, "from words", word("from", 2.5, 2.75), word("words", 2.75, 3)),
		final("-1", 4, 5.0005, "milliseconds"),
	}, read(t, "x.json", `[
		{"start_ms": 4000, "end_ms": 5000.5, "text": "milliseconds", "confidence": 0.9},
		{"id": "s1", "start": "2024-05-17T09:30:01Z", "end": "2024-05-17T11:30:02+02:00", "text": "I do", "final": true,
		 "words": [{"text": "I", "start": "2024-05-17T09:30:00.9Z", "end": "2024-05-17T09:30:01.5Z"}, {"text": "do", "start_ms": 1500, "end_ms": 2300}]},
		{"id": "s2", "start_ms": 2500, "end_ms": 3000, "words": [{"text": "from", "start_ms": 2500, "end_ms": 2750}, {"text": "words", "start_ms": 2750, "end_ms": 3000}]},
		{"id": "s1", "start_ms": 1000, "end_ms": 1500, "text": "I", "final": false},
		{"id": "blank", "start_ms": 1000, "end_ms": 1500, "words": [{"text": " ", "start_ms": 1000, "end_ms": 1500}]}
	]`))
	assert.Equal(t, []ingest.Segment{final("one", 0, 1, "alone")}, read(t, "x.json", ` {"id":"one","start_ms":0,"end_ms":1000,"text":"alone"}`))
	assert.Empty(t, read(t, "x.json", "[]"))
}

func TestCueIDsAreKeptAndMadeUnique(t *testing.T) {
	for name, c := range map[string]struct{ stated, want []string }{
		"kept":              {[]string{"intro-1", "A.b_c~9"}, []string{"intro-1", "A.b_c~9"}},
		"reserved":          {[]string{"a/b", "50%", "süß", "a:b?"}, []string{"a%2Fb", "50%25", "s%C3%BC%C3%9F", "a%3Ab%3F"}},
		"missing":           {[]string{"", "", "x"}, []string{"-1", "-2", "x"}},
		"twice":             {[]string{"a", "a", "a"}, []string{"a", "a-2", "a-3"}},
		"made up is stated": {[]string{"a", "a", "a-2", "", "-1"}, []string{"a", "a-3", "a-2", "-2", "-1"}},
		"too long":          {[]string{strings.Repeat("é", 100), strings.Repeat("é", 99)}, []string{strings.Repeat("%C3%A9", 21), strings.Repeat("%C3%A9", 21) + "-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			cues := make([]cue, len(c.stated))
			for i, id := range c.stated {
				cues[i].id = id
			}
			assert.Equal(t, c.want, uniqueIDs(cues))
		})
	}
}

func TestSegmentsComeInOrderOfTime(t *testing.T) {
	s := read(t, "x.vtt", "WEBVTT\n\nlate\n00:05.000 --> 00:06.000\nb\n\nearly\n00:01.000 --> 00:02.000\na\n\ninstant\n00:03.000 --> 00:03.000\nc\n")
	assert.Equal(t, []ingest.Segment{final("early", 1, 2, "a"), final("instant", 3, 3.001, "c"), final("late", 5, 6, "b")}, s)
}

func TestATranscriptThatCannotBeReadSaysWhereAndWhy(t *testing.T) {
	for name, c := range map[string]struct{ file, text, says string }{
		"extension":          {"x.txt", "hello", "neither in .vtt"},
		"not WebVTT":         {"x.vtt", "1\n00:00:01.000 --> 00:00:02.000\nx", "line 1"},
		"nothing":            {"x.vtt", "", "line 1"},
		"latin-1":            {"x.srt", "1\n00:00:01,000 --> 00:00:02,000\ngr\xfc\xdfe", "line 3 is not UTF-8"},
		"comma in WebVTT":    {"x.vtt", "WEBVTT\n\n00:00:01,000 --> 00:00:02,000\nx", `line 3: "00:00:01,000" is no time`},
		"90 seconds":         {"x.vtt", "WEBVTT\n\n00:90.000 --> 00:02.000\nx", "line 3"},
		"no end":             {"x.vtt", "WEBVTT\n\n00:01.000 -->\nx", "line 3: no time behind"},
		"a huge number":      {"x.vtt", "WEBVTT\n\n99999999999999999999:00:00.000 --> 00:02.000\nx", "line 3"},
		"backwards":          {"x.vtt", "WEBVTT\n\n00:05.000 --> 00:02.000\nx", "line 3 ends before it begins"},
		"too late":           {"x.vtt", "WEBVTT\n\n999:00:05.000 --> 999:00:06.000\nx", "more than 24h"},
		"text for SubRip":    {"x.srt", "hello\nworld", "it has no cue"},
		"a broken SRT time":  {"x.srt", "1\n00:00 --> 00:00:02,000\nx", "line 2"},
		"not JSON":           {"x.json", "{\n\"id\": 1x}", "line 2"},
		"another JSON":       {"x.json", "[\n{\"id\": 5}]", "line 2"},
		"no times":           {"x.json", `[{"id":"a","text":"x"}]`, "segment 1: no times"},
		"a word without":     {"x.json", `[{"start_ms":0,"end_ms":1,"words":[{"text":"x"}]}]`, "segment 1, word 1"},
		"before the call":    {"x.json", `[{"start":"1999-01-01T00:00:00Z","end":"1999-01-01T00:00:01Z","text":"x"}]`, "before the recording; give the time of its beginning by --start"},
		"beyond all numbers": {"x.json", `[{"start_ms":1e300,"end_ms":1e301,"text":"x"}]`, "more than 24h"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(c.file, strings.NewReader(c.text), origin)
			require.ErrorIs(t, err, ingest.ErrTranscript)
			assert.Contains(t, err.Error(), c.file)
			assert.Contains(t, err.Error(), c.says)
		})
	}
}
