package transcript

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
)

// live parses a message and places its segments, the first media at origin.
func live(t *testing.T, contentType, message string) []ingest.Segment {
	t.Helper()
	list, err := ParseLive(contentType, []byte(message))
	require.NoError(t, err)
	out := make([]ingest.Segment, len(list))
	for i, s := range list {
		out[i], err = s.At(origin)
		require.NoError(t, err)
	}
	return out
}

func draft(id string, start, end float64, text string) ingest.Segment {
	s := final(id, start, end, text)
	s.Final = false
	return s
}

func TestALiveMessageIsReadAsTheInterfaceSays(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, message string
		want                 []ingest.Segment
	}{
		"one, times of day": {
			"application/json",
			`{"id":"s1","start":"2024-05-17T11:30:01+02:00","end":"2024-05-17T09:30:02Z","text":"I  do","final":true,"words":[
				{"text":"I","start":"2024-05-17T09:30:01Z","end":"2024-05-17T09:30:01.5Z"},{"text":"do","start":"2024-05-17T09:30:01.5Z","end":"2024-05-17T09:30:02Z"}]}`,
			[]ingest.Segment{final("s1", 1, 2, "I do", word("I", 1, 1.5), word("do", 1.5, 2))},
		},
		"since the first media": {
			"application/json; charset=utf-8", `{"id":"s1","start_ms":1000,"end_ms":2000.5,"text":"hi"}`,
			[]ingest.Segment{final("s1", 1, 2.0005, "hi")},
		},
		"drafts, then the final": {
			"", "\ufeff" + `[{"id":"a","start_ms":0,"end_ms":500,"text":"so","final":false},{"id":"a","start_ms":0,"end_ms":900,"text":"so what","final":false},{"id":"a","start_ms":0,"end_ms":1000,"text":"so what?"}]`,
			[]ingest.Segment{draft("a", 0, 0.5, "so"), draft("a", 0, 0.9, "so what"), final("a", 0, 1, "so what?")},
		},
		"no id": {
			"", `[{"start_ms":0,"end_ms":1000,"text":"x"},{"start":"2024-05-17T09:30:00Z","end":"2024-05-17T09:30:01Z","text":"x"}]`,
			[]ingest.Segment{final("-1715938200000-1715938201000", 0, 1, "x"), final("-1715938200000-1715938201000", 0, 1, "x")},
		},
		"an id that needs to be encoded": {"", `{"id":"a/b ü","start_ms":0,"end_ms":1000,"text":"x"}`, []ingest.Segment{final("a%2Fb%20%C3%BC", 0, 1, "x")}},
		"both kinds of time":             {"", `{"id":"a","start_ms":0,"end_ms":2000,"words":[{"text":"x","start":"2024-05-17T09:30:01Z","end":"2024-05-17T09:30:03Z"}]}`, []ingest.Segment{final("a", 0, 2, "x", word("x", 1, 2))}},
		"words out of order":             {"", `{"id":"a","start_ms":1000,"end_ms":2000,"words":[{"text":"x","start_ms":0,"end_ms":1500},{"text":" ","start_ms":0,"end_ms":0},{"text":"y","start_ms":500,"end_ms":600}]}`, []ingest.Segment{final("a", 1, 2, "x y", word("x", 1, 1.5), word("y", 1, 1))}},
		"an instant":                     {"", `{"id":"a","start_ms":1000,"end_ms":1000,"text":"x"}`, []ingest.Segment{{ID: "a", Start: at(1), End: at(1).Add(time.Millisecond), Text: "x", Final: true}}},
		"taken back":                     {"", `{"id":"a","start_ms":1000,"end_ms":2000,"text":" ","confidence":0}`, []ingest.Segment{final("a", 1, 2, "")}},
		"says and replaces nothing":      {"", `{"start_ms":1000,"end_ms":2000}`, []ingest.Segment{}},
		"no list":                        {"", `[]`, []ingest.Segment{}},
		"WebVTT":                         {"text/vtt", "WEBVTT\n\na b\n00:01.000 --> 00:02.000\nHi <00:01.500>you\n\n00:03.000 --> 00:04.000\n\n", []ingest.Segment{final("a%20b", 1, 2, "Hi you", word("Hi", 1, 1.5), word("you", 1.5, 2))}},
		"WebVTT by its first bytes":      {"", "\ufeffWEBVTT\n\n00:01.000 --> 00:02.000\nHi", []ingest.Segment{final("-1715938201000-1715938202000", 1, 2, "Hi")}},
		"WebVTT without a cue":           {"text/vtt; charset=utf-8", "WEBVTT", []ingest.Segment{}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, live(t, c.contentType, c.message)) })
	}
}

func TestALiveMessageThatCannotBeUsedSaysWhereAndWhy(t *testing.T) {
	const times = `"start_ms":0,"end_ms":1000,`
	for name, c := range map[string]struct{ contentType, message, says string }{
		"a type that is none":     {"text/plain", "x", `unknown media type "text/plain": send application/json or text/vtt`},
		"a broken type":           {"/", "{}", `unknown media type "/"`},
		"too long":                {"", strings.Repeat(" ", MaxMessage+1), "has 262145 bytes, at most 262144"},
		"not UTF-8":               {"", "{\n\"id\":\"\xff\"}", "line 2 is not UTF-8"},
		"not JSON":                {"", "{\n\"id\": 1x}", "line 2"},
		"nothing":                 {"", "", "unexpected end of JSON"},
		"another JSON":            {"", "[\n{\"id\": 5}]", "line 2"},
		"a text":                  {"", `"hello"`, "line 1"},
		"no WebVTT":               {"text/vtt", `{}`, `line 1 is not "WEBVTT"`},
		"a bad cue":               {"text/vtt", "WEBVTT\n\n00:02.000 --> 00:01.000\nx", "the cue in line 3 ends before it begins"},
		"no times":                {"", `[{` + times + `"text":"x"},{"id":"a","text":"x"}]`, "segment 2: no times: give start and end, or start_ms and end_ms"},
		"half of the times":       {"", `{"start_ms":0,"end":"2024-05-17T09:30:00Z","text":"x"}`, "segment 1: no times"},
		"no date":                 {"", `{"start":"yesterday","end":"today"}`, `segment 1: "yesterday" is no time of day: write`},
		"a word without":          {"", `[{` + times + `"text":"x"},{` + times + `"words":[{"text":"a",` + times + `"x":0},{"text":"b",` + times + `"x":0},{"text":"c"}]}]`, "segment 2, word 3: no times"},
		"a word backwards":        {"", `{` + times + `"words":[{"text":"a","start_ms":2,"end_ms":1}]}`, "segment 1, word 1: it ends before it begins"},
		"backwards":               {"", `{"start_ms":2,"end_ms":1,"text":"x"}`, "segment 1 ends before it begins"},
		"backwards in the day":    {"", `{"start":"2024-05-17T09:30:01Z","end":"2024-05-17T09:30:00Z","text":"x"}`, "segment 1 ends before it begins"},
		"long":                    {"", `{"start_ms":0,"end_ms":600001,"text":"x"}`, "segment 1 lasts 10m0.001s, at most 10m0s"},
		"before the media":        {"", `{"start_ms":-1,"end_ms":1,"text":"x"}`, "segment 1 begins 1ms before the first media"},
		"beyond all numbers":      {"", `{"start_ms":1e300,"end_ms":1e301,"text":"x"}`, "more than 24h0m0s"},
		"antiquity":               {"", `{"start":"0001-01-01T00:00:00Z","end":"0001-01-01T00:00:01Z","text":"x"}`, "of the year 1; that cannot be meant"},
		"the far future":          {"", `{"start":"2262-01-01T00:00:00Z","end":"2262-01-01T00:00:01Z","text":"x"}`, "of the year 2262"},
		"a draft without an id":   {"", `{` + times + `"text":"x","final":false}`, "segment 1 is not final and has no id"},
		"an id that is too long":  {"", `{"id":"` + strings.Repeat("ü", 22) + `",` + times + `"text":"x"}`, "its id has 132 bytes when it is percent-encoded, at most 128"},
		"a hundred and one":       {"", "[" + strings.Repeat(`{"start_ms":0,"end_ms":1},`, MaxSegments) + `{"start_ms":0,"end_ms":1}]`, "101 segments, at most 100"},
		"too many words":          {"", `{` + times + `"text":"` + strings.Repeat("a ", MaxWords+1) + `"}`, "segment 1 has 2001 words, at most 2000"},
		"too many words in times": {"", `{` + times + `"text":"x","words":[` + strings.Repeat(`{"text":"x",`+times+`"c":0},`, MaxWords) + `{"text":"x",` + times + `"c":0}]}`, "segment 1 has 2001 words"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseLive(c.contentType, []byte(c.message))
			require.ErrorIs(t, err, ingest.ErrTranscript)
			require.ErrorContains(t, err, c.says)
			assert.Equal(t, strings.Contains(c.says, "media type"), errors.Is(err, ErrType))
		})
	}
}

func TestALiveMessageMayBeAsLargeAsTheLimitsSay(t *testing.T) {
	list := live(t, "", "["+strings.Repeat(`{"id":"a","start_ms":0,"end_ms":600000},`, MaxSegments-1)+
		`{"id":"`+strings.Repeat("a", 128)+`","start_ms":86399999,"end_ms":86400000,"text":"`+strings.Repeat("a ", MaxWords)+`"}]`)
	assert.Len(t, list, MaxSegments)
	_, err := ParseLive("", []byte("[]"+strings.Repeat(" ", MaxMessage-2)))
	assert.NoError(t, err)
}

func TestASegmentThatCountsFromMediaWaitsForIt(t *testing.T) {
	for message, relative := range map[string]bool{
		`{"id":"a","start_ms":0,"end_ms":1}`:                                                                                       true,
		`{"id":"a","start":"2024-05-17T09:30:00Z","end":"2024-05-17T09:30:01Z"}`:                                                   false,
		`{"id":"a","start":"2024-05-17T09:30:00Z","end":"2024-05-17T09:30:01Z","words":[{"text":"x","start_ms":0,"end_ms":1000}]}`: true,
	} {
		list, err := ParseLive("", []byte(message))
		require.NoError(t, err)
		require.Len(t, list, 1)
		assert.Equal(t, relative, list[0].Relative(), message)
		_, err = list[0].At(time.Time{})
		if relative {
			require.ErrorIs(t, err, ingest.ErrTranscript, message)
			assert.ErrorContains(t, err, "segment 1 counts from the first media, and none has come")
		} else {
			require.NoError(t, err, message)
		}
	}
}

func FuzzParseLive(f *testing.F) {
	types := []string{"", TypeJSON, TypeVTT, "text/plain"}
	f.Add(uint8(0), []byte(`[{"id":"a","start":"2024-05-17T09:30:00Z","end":"2024-05-17T09:30:01Z","text":"a b","final":false,"words":[{"text":"a","start_ms":0,"end_ms":1e9}]}]`))
	f.Add(uint8(1), []byte(`{"start_ms":-1e999,"end_ms":0}`))
	f.Add(uint8(2), []byte("WEBVTT\n\nx\n00:00.000 --> 09:59.999\na <00:01.000>b"))
	f.Fuzz(func(t *testing.T, kind uint8, message []byte) {
		list, err := ParseLive(types[int(kind)%len(types)], message)
		if err != nil {
			require.ErrorIs(t, err, ingest.ErrTranscript)
			require.Nil(t, list)
			return
		}
		require.LessOrEqual(t, len(list), MaxSegments)
		for _, in := range list {
			s, err := in.At(origin)
			require.NoError(t, err)
			require.NotEmpty(t, s.ID)
			require.LessOrEqual(t, len(s.ID), maxCueID)
			require.Empty(t, strings.Trim(s.ID, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%"))
			require.True(t, s.Start.Before(s.End))
			require.LessOrEqual(t, s.End.Sub(s.Start), MaxLength)
			require.True(t, s.Final || in.ID != "")
			require.LessOrEqual(t, len(s.Words), MaxWords)
			from := s.Start
			for _, w := range s.Words {
				require.NotEmpty(t, w.Text)
				require.False(t, w.Start.Before(from))
				require.False(t, w.End.Before(w.Start))
				require.False(t, w.End.After(s.End))
				from = w.Start
			}
		}
	})
}

func BenchmarkParseLive(b *testing.B) {
	var words []string
	for i := range 20 {
		words = append(words, fmt.Sprintf(`{"text":"word","start_ms":%d,"end_ms":%d}`, 100*i, 100*i+100))
	}
	message := []byte(`{"id":"s1","start_ms":0,"end_ms":2000,"text":"` + strings.Repeat("word ", 20) + `","words":[` + strings.Join(words, ",") + `]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseLive(TypeJSON, message); err != nil {
			b.Fatal(err)
		}
	}
}
