package onnx_test

import (
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/inference/onnx"
)

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := tiny(tb).ReadFile(name)
	require.NoError(tb, err)
	return data
}

func TestTextEncoderGivesOneVectorForEachToken(t *testing.T) {
	e, err := openRuntime(t).TextEncoder(read(t, model.TextFile), 4)
	require.NoError(t, err)
	vectors := make([]float32, onnx.MaxTokens*4)
	for _, n := range []int{1, 3, onnx.MaxTokens, 2, 1} {
		ids := make([]int64, n)
		for i := range ids {
			ids[i] = int64(i % 16)
		}
		require.NoError(t, e.EncodeTokens(ids, vectors))
		for i, id := range ids {
			x := float32(id)
			assert.Equal(t, []float32{x, x / 2, -x, 1}, vectors[i*4:(i+1)*4])
		}
	}
}

func TestTextEncoderRefusesWhatItCannotEncode(t *testing.T) {
	e, err := openRuntime(t).TextEncoder(read(t, model.TextFile), 4)
	require.NoError(t, err)
	require.ErrorIs(t, e.EncodeTokens(nil, nil), onnx.ErrInput)
	require.ErrorIs(t, e.EncodeTokens(make([]int64, onnx.MaxTokens+1), make([]float32, 1000)), onnx.ErrInput)
	require.ErrorIs(t, e.EncodeTokens([]int64{1, 2}, make([]float32, 7)), onnx.ErrInput)
	require.ErrorIs(t, e.EncodeTokens([]int64{99}, make([]float32, 4)), onnx.ErrRun, "the vocabulary has 16 tokens")
	require.NoError(t, e.EncodeTokens([]int64{1}, make([]float32, 4)), "a failed run does not spoil the next")
}

func TestFaceEncoderReadsTheWholeCrop(t *testing.T) {
	e, err := openRuntime(t).FaceEncoder(read(t, model.FaceFile))
	require.NoError(t, err)
	crop, embedding := make([]float32, 48*48), make([]float32, 64)
	for i := range crop {
		crop[i] = 255
	}
	require.NoError(t, e.EncodeFace(crop, embedding))
	for i, x := range embedding {
		assert.InDelta(t, float64(i)/64, x, 1e-6)
	}
	crop[7] = float32(math.NaN())
	require.ErrorIs(t, e.EncodeFace(crop, embedding), onnx.ErrOutput)
	require.ErrorIs(t, e.EncodeFace(crop[1:], embedding), onnx.ErrInput)
	require.ErrorIs(t, e.EncodeFace(crop, embedding[1:]), onnx.ErrInput)
}

func TestFaceDetectorGivesTheFineAnchorsFirst(t *testing.T) {
	d, err := openRuntime(t).FaceDetector(read(t, model.DetectorFile))
	require.NoError(t, err)
	rgb, boxes, logits := make([]float32, 128*128*3), make([]float32, 896*16), make([]float32, 896)
	for i := range rgb {
		rgb[i] = 0.5
	}
	require.NoError(t, d.DetectFaces(rgb, boxes, logits))
	for i := range logits {
		require.InDelta(t, 0.5, logits[i], 1e-5)
		for k := range 16 {
			require.InDelta(t, 0.5+float64(k), boxes[i*16+k], 1e-5)
		}
	}
	require.ErrorIs(t, d.DetectFaces(rgb[1:], boxes, logits), onnx.ErrInput)
	require.ErrorIs(t, d.DetectFaces(rgb, boxes, logits[1:]), onnx.ErrInput)
	rgb[0] = float32(math.Inf(1))
	require.ErrorIs(t, d.DetectFaces(rgb, boxes, logits), onnx.ErrOutput)
}

func TestShippedDetectorIsTheOneThatIsDecoded(t *testing.T) {
	d, err := openRuntime(t).FaceDetector(shipped(t, model.DetectorFile)[0])
	require.NoError(t, err)
	boxes, logits := make([]float32, 896*16), make([]float32, 896)
	require.NoError(t, d.DetectFaces(make([]float32, 128*128*3), boxes, logits))
	for _, x := range logits {
		require.Less(t, x, float32(0), "there is no face in a grey picture")
	}
}

func TestNetsOfAnotherKindAreRefused(t *testing.T) {
	r := openRuntime(t)
	text, face, broken := read(t, model.TextFile), read(t, model.FaceFile), []byte("not a network")
	for _, open := range []func([]byte) error{
		func(f []byte) error { _, err := r.FaceDetector(f); return err },
		func(f []byte) error { _, err := r.FaceEncoder(f); return err },
		func(f []byte) error { _, err := r.TextEncoder(f, 5); return err },
	} {
		for _, file := range [][]byte{read(t, model.FusionFile), broken, nil, text[:len(text)/2]} {
			require.ErrorIs(t, open(file), onnx.ErrNet)
			require.ErrorIs(t, open(file), model.ErrGraph)
		}
	}
	_, err := r.TextEncoder(face, 4)
	require.ErrorIs(t, err, onnx.ErrNet)
}

func TestNetsMayBeUsedByManyAtOnce(t *testing.T) {
	r := openRuntime(t)
	text, err := r.TextEncoder(read(t, model.TextFile), 4)
	require.NoError(t, err)
	p, err := r.Predictor(tiny(t))
	require.NoError(t, err)
	windows := make([]*features.Window, 16)
	for g := range windows {
		x := float32(g) / 8
		windows[g] = window(t, tokens(x), sound(x/2, 0))
	}
	var wg sync.WaitGroup
	for g := range windows {
		wg.Go(func() {
			vectors := make([]float32, 4*4)
			for i := range 100 {
				id := int64((g + i) % 16)
				if err := text.EncodeTokens([]int64{id, id, id, id}, vectors); err != nil {
					t.Error(err)
				}
				assert.InDelta(t, float64(id), vectors[12], 0)
				x := float32(g) / 8
				result := p.Predict(t.Context(), []*features.Window{windows[g]})[0]
				if result.Err != nil {
					t.Error(result.Err)
				}
				assert.InDelta(t, float64(x)/2, result.Score.Value, 1e-5)
			}
		})
	}
	wg.Wait()
}
