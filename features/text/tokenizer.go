package text

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrVocabulary says that a vocabulary cannot be used.
var ErrVocabulary = errors.New("unusable vocabulary")

// longest is how many characters a word may have; longer ones are [UNK].
const longest = 100

// specials are the tokens that mean themselves wherever they stand in a text.
const (
	padToken  = "[PAD]"
	unkToken  = "[UNK]"
	clsToken  = "[CLS]"
	sepToken  = "[SEP]"
	maskToken = "[MASK]"
)

// Tokenizer is the uncased WordPiece tokenizer of the text encoder (Devlin et
// al. 2019, arXiv:1810.04805): clean, space ideographs, strip accents, lower
// case, split at white space and punctuation, then the longest known piece
// first. It gives the same ids as the encoder's own tokenizer. It is immutable
// and may be used from any goroutine.
type Tokenizer struct {
	first, next   map[string]int64 // pieces that begin a word; pieces that go on ("##x" under "x")
	special       map[string]int64
	unk, cls, sep int64
}

// NewTokenizer reads a vocabulary: one piece a line, whose id is the number of
// the line from 0. Its errors wrap ErrVocabulary.
func NewTokenizer(vocabulary []byte) (*Tokenizer, error) {
	t := &Tokenizer{first: map[string]int64{}, next: map[string]int64{}, special: map[string]int64{}}
	var id int64
	for line := range strings.Lines(string(vocabulary)) {
		piece := strings.TrimRight(line, "\r\n")
		if rest, ok := strings.CutPrefix(piece, "##"); ok {
			t.next[rest] = id
		}
		t.first[piece] = id
		id++
	}
	for _, name := range []string{padToken, unkToken, clsToken, sepToken, maskToken} {
		n, ok := t.first[name]
		if !ok {
			return nil, fmt.Errorf("%w: it has %d pieces, but no %s; the model bundle's vocab.txt is not the encoder's", ErrVocabulary, id, name)
		}
		t.special[name] = n
	}
	t.unk, t.cls, t.sep = t.special[unkToken], t.special[clsToken], t.special[sepToken]
	return t, nil
}

// Append appends the ids of the pieces of text, without [CLS] and [SEP].
func (t *Tokenizer) Append(ids []int64, text string) []int64 {
	for text != "" {
		at, name := t.findSpecial(text)
		ids = t.appendPlain(ids, text[:at])
		if name != "" {
			ids = append(ids, t.special[name])
		}
		text = text[at+len(name):]
	}
	return ids
}

// findSpecial returns where the first special token stands and which it is, or
// the length of text and "".
func (t *Tokenizer) findSpecial(text string) (at int, name string) {
	for from := 0; ; {
		i := strings.IndexByte(text[from:], '[')
		if i < 0 {
			return len(text), ""
		}
		from += i
		for name := range t.special {
			if strings.HasPrefix(text[from:], name) {
				return from, name
			}
		}
		from++
	}
}

// appendPlain tokenizes a text without special tokens.
func (t *Tokenizer) appendPlain(ids []int64, text string) []int64 {
	word := make([]byte, 0, 64)
	flush := func() {
		if len(word) > 0 {
			ids = t.appendWord(ids, string(word))
			word = word[:0]
		}
	}
	for _, r := range norm.NFD.String(clean(text)) {
		switch {
		case unicode.Is(marks, r):
		case unicode.Is(space, r):
			flush()
		default:
			// Lower case comes before the split: some capitals become punctuation's neighbours.
			for _, l := range lower(r) {
				if unicode.Is(punctuation, l) {
					flush()
					ids = t.appendWord(ids, string(l))
				} else {
					word = utf8.AppendRune(word, l)
				}
			}
		}
	}
	flush()
	return ids
}

// clean drops what is never a character of a word and puts spaces around
// ideographs.
func clean(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		switch {
		case unicode.Is(removed, r):
		case unicode.Is(ideographs, r):
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// lower is the full lower case of one rune.
func lower(r rune) string {
	if r < utf8.RuneSelf {
		return string(unicode.ToLower(r))
	}
	return strings.ToLower(string(r))
}

// appendWord appends the pieces of one word, the longest known piece first, or
// [UNK] if a part of it is unknown.
func (t *Tokenizer) appendWord(ids []int64, word string) []int64 {
	if utf8.RuneCountInString(word) > longest {
		return append(ids, t.unk)
	}
	whole := len(ids)
	known := t.first
	for word != "" {
		end := len(word)
		id, ok := known[word]
		for !ok && end > 0 {
			_, size := utf8.DecodeLastRuneInString(word[:end])
			end -= size
			id, ok = known[word[:end]]
		}
		if end == 0 {
			return append(ids[:whole], t.unk)
		}
		ids = append(ids, id)
		word, known = word[end:], t.next
	}
	return ids
}
