package text_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features/text"
)

const vocabFile = "../../inference/model/bundle/vocab.txt"

func tokenizer(tb testing.TB) *text.Tokenizer {
	tb.Helper()
	vocabulary, err := os.ReadFile(vocabFile)
	require.NoError(tb, err)
	tokenizer, err := text.NewTokenizer(vocabulary)
	require.NoError(tb, err)
	return tokenizer
}

func join(ids []int64) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(parts, " ")
}

func TestTokensAreThoseOfTheEncodersOwnTokenizerOver5000Lines(t *testing.T) {
	tokens := tokenizer(t)
	corpus, err := os.ReadFile("testdata/corpus.txt")
	require.NoError(t, err)
	packed, err := os.ReadFile("testdata/corpus.ids.gz")
	require.NoError(t, err)
	unpack, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	all, err := io.ReadAll(unpack)
	require.NoError(t, err)
	want := strings.Split(strings.TrimRight(string(all), "\n"), "\n")

	lines := bufio.NewScanner(bytes.NewReader(corpus))
	lines.Buffer(nil, 1<<20)
	n, wrong := 0, 0
	for ; lines.Scan(); n++ {
		var line string
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		ids := append(tokens.Append([]int64{101}, line), 102)
		if got := join(ids); got != want[n] {
			if wrong++; wrong <= 5 {
				t.Errorf("line %d %+q\n got %s\nwant %s", n+1, line, got, want[n])
			}
		}
	}
	assert.Equal(t, 5000, n)
	assert.Zero(t, wrong, "lines that differ")
}

func TestAVocabularyWithoutTheSpecialTokensIsRefused(t *testing.T) {
	_, err := text.NewTokenizer([]byte("[PAD]\n[UNK]\nhello\n"))
	require.ErrorIs(t, err, text.ErrVocabulary)
	require.ErrorContains(t, err, "[CLS]")
}

func FuzzTokenizer(f *testing.F) {
	for _, seed := range []string{"", "Hello, world!", "don’t", "[SEP][MASK", "今天 天气", "\xff\xfe", "e\u0301\u0301", "a\u200db"} {
		f.Add(seed)
	}
	tokens := tokenizer(f)
	f.Fuzz(func(t *testing.T, line string) {
		for _, id := range tokens.Append(nil, line) {
			if id < 0 || id >= 30522 {
				t.Fatalf("id %d of %q is outside the vocabulary", id, line)
			}
		}
	})
}

func BenchmarkTokenizer(b *testing.B) {
	tokens := tokenizer(b)
	const line = "I really did not expect that this would work as well as it does, and I am delighted with the result"
	var ids []int64
	b.ReportAllocs()
	for b.Loop() {
		ids = tokens.Append(ids[:0], line)
	}
}
