package model_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/ingest"
)

// tinyFiles are the files of the tiny bundle, in memory.
func tinyFiles(tb testing.TB) fstest.MapFS {
	tb.Helper()
	files := fstest.MapFS{}
	entries, err := os.ReadDir(tinyBundle)
	require.NoError(tb, err)
	for _, e := range entries {
		data, err := os.ReadFile(tinyBundle + "/" + e.Name())
		require.NoError(tb, err)
		files[e.Name()] = &fstest.MapFile{Data: data}
	}
	return files
}

// put replaces a file and its hash in the manifest.
func put(tb testing.TB, files fstest.MapFS, name string, data []byte) {
	tb.Helper()
	sum := sha256.Sum256(data)
	patch, err := json.Marshal(map[string]any{"files": map[string]any{name: model.File{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(data))}}})
	require.NoError(tb, err)
	files[name] = &fstest.MapFile{Data: data}
	files[model.ManifestFile] = &fstest.MapFile{Data: patched(tb, patch)}
}

func TestWholeBundleIsAccepted(t *testing.T) {
	b, err := model.Open(os.DirFS(tinyBundle))
	require.NoError(t, err)
	assert.Equal(t, "tiny", b.Manifest.Name)
	data, err := b.ReadFile(model.VocabFile)
	require.NoError(t, err)
	assert.Contains(t, string(data), "[CLS]\n")
}

func TestDefaultBundleIsAccepted(t *testing.T) {
	fsys, err := model.Default()
	require.NoError(t, err)
	_, err = model.Open(fsys)
	require.NoError(t, err)
}

func TestBundleWithAMissingFileIsRefused(t *testing.T) {
	for name := range tinyFiles(t) {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(tinyFiles(t))
			delete(files, name)
			_, err := model.Open(files)
			require.ErrorIs(t, err, model.ErrFile)
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.ErrorContains(t, err, name)
		})
	}
}

func TestBundleWithAChangedFileIsRefused(t *testing.T) {
	for name := range tinyFiles(t) {
		if name == model.ManifestFile {
			continue
		}
		for kind, change := range map[string]func([]byte) []byte{
			"cut":     func(d []byte) []byte { return d[:len(d)-1] },
			"longer":  func(d []byte) []byte { return append(d, 0) },
			"flipped": func(d []byte) []byte { d[len(d)/2] ^= 1; return d },
			"empty":   func([]byte) []byte { return nil },
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				files := tinyFiles(t)
				files[name].Data = change(files[name].Data)
				_, err := model.Open(files)
				require.ErrorIs(t, err, model.ErrHash)
				require.ErrorContains(t, err, name)
				require.ErrorContains(t, err, "get the whole bundle again")
			})
		}
	}
}

func TestNetworkOfAnotherKindIsRefused(t *testing.T) {
	files := tinyFiles(t)
	put(t, files, model.FaceFile, files[model.TextFile].Data)
	_, err := model.Open(files)
	require.ErrorIs(t, err, model.ErrGraph)
	require.ErrorContains(t, err, "face.onnx: wrong graph: input face float32 [N, 1, 48, 48] is not there, only input_ids; export it again together with its manifest")

	put(t, files, model.FaceFile, []byte("not a network"))
	_, err = model.Open(files)
	require.ErrorIs(t, err, model.ErrGraph)
	require.ErrorContains(t, err, "this is not an ONNX file")
}

func TestNetworkWithoutAnOutputIsRefused(t *testing.T) {
	files := tinyFiles(t)
	files[model.ManifestFile] = &fstest.MapFile{Data: patched(t, []byte(`{"graphs":{"face":{"outputs":[
		{"name":"embedding","dtype":"float32","shape":["N",64]},{"name":"valence","dtype":"float32","shape":["N"]}]}}}`))}
	_, err := model.Open(files)
	require.ErrorIs(t, err, model.ErrOutput)
	require.ErrorContains(t, err, "face.onnx: missing output: output valence float32 [N] is not there, only embedding, polarity_logits")
}

func TestBundleWithAnUnusableManifestIsRefused(t *testing.T) {
	files := tinyFiles(t)
	files[model.ManifestFile].Data = []byte("{}")
	_, err := model.Open(files)
	require.ErrorIs(t, err, model.ErrManifest)
}

func TestNetsAreTheHashesOfTheEncodersInTheOrderOfTheContract(t *testing.T) {
	files := tinyFiles(t)
	b, err := model.Open(files)
	require.NoError(t, err)
	want := [ingest.NumModalities][]string{
		ingest.Text:  {b.Manifest.Files["text.onnx"].SHA256, b.Manifest.Files["vocab.txt"].SHA256},
		ingest.Video: {b.Manifest.Files["detector.onnx"].SHA256, b.Manifest.Files["face.onnx"].SHA256},
	}
	delete(files, model.ManifestFile)
	delete(files, model.FusionFile)
	for _, m := range ingest.Modalities() {
		nets, missing := model.Nets(files, m)
		require.NoError(t, missing, "features are extracted before there is a model")
		assert.Equal(t, want[m], nets)
		assert.Equal(t, want[m], b.Nets(m))
	}
	delete(files, model.FaceFile)
	_, err = model.Nets(files, ingest.Video)
	require.ErrorIs(t, err, model.ErrFile)
}

// contract is one that fits the streams of the tiny bundle.
func contract() features.Contract {
	return features.Contract{
		ingest.Text:  {Extractor: "text/1", Dim: 4, MaxLen: 8, Nets: []string{"aa", "bb"}},
		ingest.Audio: {Extractor: "audio/1", Dim: 3, Step: 100 * time.Millisecond, MaxLen: 20},
		ingest.Video: {Extractor: "video/1", Dim: 2, Step: 200 * time.Millisecond, MaxLen: 10},
	}
}

func trainedOn(t *testing.T, c features.Contract) *model.Bundle {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"contract": model.Contract{Hash: c.Hash(), Text: c.String()}})
	require.NoError(t, err)
	files := tinyFiles(t)
	files[model.ManifestFile].Data = patched(t, patch)
	b, err := model.Open(files)
	require.NoError(t, err)
	return b
}

func TestModelTrainedOnTheSameFeaturesIsAccepted(t *testing.T) {
	require.NoError(t, trainedOn(t, contract()).Implements(contract()))
}

func TestModelTrainedOnOtherFeaturesIsRefused(t *testing.T) {
	b := trainedOn(t, contract())
	for name, change := range map[string]func(*features.Contract){
		"extractor": func(c *features.Contract) { c[ingest.Audio].Extractor = "audio/2" },
		"size":      func(c *features.Contract) { c[ingest.Video].Dim = 3 },
		"step":      func(c *features.Contract) { c[ingest.Video].Step = time.Second },
		"network":   func(c *features.Contract) { c[ingest.Text].Nets[1] = "cc" },
	} {
		t.Run(name, func(t *testing.T) {
			c := contract()
			change(&c)
			err := b.Implements(c)
			require.ErrorIs(t, err, model.ErrContract)
			require.ErrorContains(t, err, "extract and train again")
		})
	}
	c := contract()
	c[ingest.Audio].Extractor = "audio/2"
	require.ErrorContains(t, b.Implements(c), `was trained on "audio audio/1 dim=3 step=100ms max=20 nets=", this program extracts "audio audio/2 dim=3 step=100ms max=20 nets="`)
}

func TestModelWhoseStreamsContradictItsContractIsRefused(t *testing.T) {
	c := contract()
	c[ingest.Audio].Step = 50 * time.Millisecond
	err := trainedOn(t, c).Implements(c)
	require.ErrorIs(t, err, model.ErrContract)
	require.ErrorContains(t, err, "streams.audio of the model tiny 0.0.1 has width 3, max_steps 20 and a step of 100ms, its own contract has 3, 20 and 50ms")
}

func BenchmarkOpen(b *testing.B) {
	fsys := os.DirFS(tinyBundle)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := model.Open(fsys); err != nil {
			b.Fatal(err)
		}
	}
}
