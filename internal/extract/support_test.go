package extract

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/audio"
	"github.com/valence-live/valence/features/text"
	"github.com/valence-live/valence/features/video"
	"github.com/valence-live/valence/ingest"
)

// extractors are the real ones on networks that are easy to foretell.
type extractors struct{ tokenizer *text.Tokenizer }

func newExtractors(t *testing.T) extractors {
	t.Helper()
	tokenizer, err := text.NewTokenizer([]byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nso\ngood\nwas\nun\n##real\n"))
	require.NoError(t, err)
	return extractors{tokenizer}
}

func (x extractors) New(m ingest.Modality) (features.Extractor, error) {
	switch m {
	case ingest.Text:
		return text.New(x.tokenizer, nets{}), nil
	case ingest.Audio:
		return audio.New(), nil
	case ingest.Video:
		return video.New(nets{}, nets{}), nil
	default:
		return nil, ingest.ErrModality
	}
}

func (extractors) Contract() features.Contract {
	return features.Contract{text.Spec("t"), audio.Spec(), video.Spec("d", "f")}
}

// nets answer with the id of a token, the mean of a crop, and no face.
type nets struct{}

func (nets) EncodeTokens(ids []int64, vectors []float32) error {
	for i, id := range ids {
		vectors[i*text.Dim] = float32(id)
	}
	return nil
}

func (nets) DetectFaces(_, boxes, logits []float32) error {
	clear(boxes)
	for i := range logits {
		logits[i] = -100
	}
	return nil
}

func (nets) EncodeFace(crop, embedding []float32) error {
	sum := float32(0)
	for _, v := range crop {
		sum += v
	}
	clear(embedding)
	embedding[0] = sum / float32(len(crop))
	return nil
}

// run extracts a manifest of the given rows, the header first.
func run(t *testing.T, m ingest.Modality, jobs int, folder string, table ...[]string) (map[string]array, Summary, error) {
	t.Helper()
	manifest, out := filepath.Join(folder, "m.csv"), filepath.Join(folder, "out.npz")
	var b bytes.Buffer
	require.NoError(t, csv.NewWriter(&b).WriteAll(table))
	require.NoError(t, os.WriteFile(manifest, b.Bytes(), 0o600))
	s, err := Run(t.Context(), Config{Modality: m, Manifest: manifest, Out: out, Jobs: jobs}, newExtractors(t), slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return nil, s, err
	}
	return readNPZ(t, out), s, nil
}

// array is an array as NumPy would see it.
type array struct {
	dtype string
	shape []int
	data  []byte
}

var header = regexp.MustCompile(`^{'descr': '([^']+)', 'fortran_order': False, 'shape': \(([0-9, ]*)\), } *\n$`)

func readNPZ(t *testing.T, path string) map[string]array {
	t.Helper()
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, z.Close()) }()
	arrays := map[string]array{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "\x93NUMPY\x01\x00", string(data[:8]))
		length := 10 + int(binary.LittleEndian.Uint16(data[8:]))
		require.Zero(t, length%64)
		parts := header.FindStringSubmatch(string(data[10:length]))
		require.NotNil(t, parts, "%q", data[10:length])
		a := array{dtype: parts[1], data: data[length:]}
		for dim := range strings.SplitSeq(parts[2], ",") {
			if dim = strings.TrimSpace(dim); dim != "" {
				n, err := strconv.Atoi(dim)
				require.NoError(t, err)
				a.shape = append(a.shape, n)
			}
		}
		arrays[strings.TrimSuffix(f.Name, ".npy")] = a
	}
	return arrays
}

func (a array) strings(t *testing.T) []string {
	t.Helper()
	width, err := strconv.Atoi(strings.TrimPrefix(a.dtype, "<U"))
	require.NoError(t, err)
	var all []string
	for cell := range slicesOf(a.data, 4*width) {
		var b strings.Builder
		for unit := range slicesOf(cell, 4) {
			if r := binary.LittleEndian.Uint32(unit); r != 0 {
				b.WriteRune(rune(r))
			}
		}
		all = append(all, b.String())
	}
	return all
}

func (a array) numbers(t *testing.T) []float64 {
	t.Helper()
	var all []float64
	size := map[string]int{"|u1": 1, "<i4": 4, "<i8": 8, "<f4": 4, "<f8": 8}[a.dtype]
	require.NotZero(t, size, a.dtype)
	for b := range slicesOf(a.data, size) {
		switch a.dtype {
		case "|u1":
			all = append(all, float64(b[0]))
		case "<i4":
			all = append(all, float64(int32(binary.LittleEndian.Uint32(b))))
		case "<i8":
			all = append(all, float64(int64(binary.LittleEndian.Uint64(b))))
		case "<f4":
			all = append(all, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		default:
			all = append(all, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	}
	return all
}

func slicesOf(data []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for ; len(data) >= size; data = data[size:] {
			if !yield(data[:size]) {
				return
			}
		}
	}
}

// writeWAV writes a buzz that comes and goes, 16-bit mono at 16 kHz.
func writeWAV(t *testing.T, path string, samples int, pitch float64) {
	t.Helper()
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00")
	b = binary.LittleEndian.AppendUint32(b, ingest.AudioRate)
	b = binary.LittleEndian.AppendUint32(b, 2*ingest.AudioRate)
	b = append(b, 2, 0, 16, 0)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*samples))
	for i := range samples {
		at := float64(i) / ingest.AudioRate
		v := 0.0
		for k := 1.0; k < 6; k++ {
			v += math.Sin(2*math.Pi*pitch*k*at+0.3*math.Sin(9*at)) / k
		}
		loud := 3000 * max(0.01, math.Sin(8*at))
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(loud*v)))
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	require.NoError(t, os.WriteFile(path, b, 0o600))
}
