package model_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/inference/model"
)

const tinyBundle = "testdata/bundle"

func tinyManifest(tb testing.TB) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(tinyBundle, model.ManifestFile))
	require.NoError(tb, err)
	return data
}

// patched applies a JSON merge patch (RFC 7396) to the manifest of the tiny bundle.
func patched(tb testing.TB, patch []byte) []byte {
	tb.Helper()
	var document, change map[string]any
	require.NoError(tb, json.Unmarshal(tinyManifest(tb), &document))
	require.NoError(tb, json.Unmarshal(patch, &change))
	merge(document, change)
	data, err := json.Marshal(document)
	require.NoError(tb, err)
	return data
}

func merge(document, patch map[string]any) {
	for key, value := range patch {
		into, isObject := document[key].(map[string]any)
		from, isPatch := value.(map[string]any)
		switch {
		case value == nil:
			delete(document, key)
		case isObject && isPatch:
			merge(into, from)
		default:
			document[key] = value
		}
	}
}

// Each file of testdata/manifests is a merge patch to the manifest of the tiny
// bundle. Before the patch of a .bad.txt stand, after "# ", the messages that
// it must give.
func TestManifestIsRefusedWithTheReason(t *testing.T) {
	files, err := filepath.Glob("testdata/manifests/*.bad.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".bad.txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			var messages []string
			for bytes.HasPrefix(content, []byte("# ")) {
				line, rest, _ := bytes.Cut(content[2:], []byte("\n"))
				messages, content = append(messages, string(line)), rest
			}
			require.NotEmpty(t, messages)
			_, err = model.ParseManifest(bytes.NewReader(patched(t, content)))
			require.ErrorIs(t, err, model.ErrManifest)
			require.ErrorContains(t, err, model.ManifestFile)
			for _, message := range messages {
				require.ErrorContains(t, err, message)
			}
		})
	}
}

func TestManifestIsAccepted(t *testing.T) {
	files, err := filepath.Glob("testdata/manifests/*.good.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".good.txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			_, err = model.ParseManifest(bytes.NewReader(patched(t, content)))
			require.NoError(t, err)
		})
	}
}

func TestManifestThatIsNotOneJSONObjectIsRefused(t *testing.T) {
	good := string(tinyManifest(t))
	for name, text := range map[string]string{
		"empty":          "",
		"cut off":        good[:len(good)/2],
		"a list":         "[]",
		"followed":       good + "{}",
		"not text":       "\xff\xfe",
		"without end":    strings.Repeat(" ", 2<<20) + good,
		"deep":           strings.Repeat("[", 100_000),
		"null":           "null",
		"an axis object": strings.Replace(good, `"B",`, `{},`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := model.ParseManifest(strings.NewReader(text))
			require.ErrorIs(t, err, model.ErrManifest)
		})
	}
	_, err := model.ParseManifest(io.MultiReader(strings.NewReader("{"), failing{}))
	require.ErrorIs(t, err, model.ErrManifest)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestManifestSurvivesPrinting(t *testing.T) {
	m, err := model.ParseManifest(bytes.NewReader(tinyManifest(t)))
	require.NoError(t, err)
	printed, err := json.Marshal(m)
	require.NoError(t, err)
	assert.JSONEq(t, string(tinyManifest(t)), string(printed))
}

func TestQuantileBelongsToLevelAndPattern(t *testing.T) {
	m, err := model.ParseManifest(bytes.NewReader(tinyManifest(t)))
	require.NoError(t, err)
	q, err := m.Quantile(model.Present{true, false, true}, 0.9)
	require.NoError(t, err)
	assert.InDelta(t, m.Interval.Quantiles["text+video"][1], q, 0)
	_, err = m.Quantile(model.Present{true}, 0.85)
	require.ErrorIs(t, err, model.ErrLevel)
	_, err = m.Quantile(model.Present{}, 0.9)
	require.ErrorIs(t, err, model.ErrLevel)
}

func FuzzParseManifest(f *testing.F) {
	f.Add(tinyManifest(f))
	f.Add([]byte(`{"schema":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := model.ParseManifest(bytes.NewReader(data))
		if err != nil {
			require.ErrorIs(t, err, model.ErrManifest)
			return
		}
		for _, p := range model.Patterns() {
			for _, level := range m.Interval.Levels {
				q, err := m.Quantile(p, level)
				require.NoError(t, err)
				require.Positive(t, q)
			}
		}
	})
}
