package model_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/inference/model"
)

func TestSignatureIsReadOutOfAnONNXFile(t *testing.T) {
	files := tinyFiles(t)
	for name, want := range map[string]string{
		"text.onnx":     "input_ids int64 [1, L] -> token_vectors float32 [1, L, 4]",
		"face.onnx":     "face float32 [N, 1, 48, 48] -> embedding float32 [N, 64]; polarity_logits float32 [N, 3]",
		"detector.onnx": "input:0 float32 [1, 128, 128, 3] -> Identity:0 float32 [1, 512, 1]; Identity_2:0 float32 [1, 512, 16]; Identity_1:0 float32 [1, 384, 1]; Identity_3:0 float32 [1, 384, 16]",
	} {
		s, err := model.ParseSignature(files[name].Data)
		require.NoError(t, err)
		assert.Equal(t, want, spell(s.Inputs)+" -> "+spell(s.Outputs), name)
	}
}

func spell(tensors []model.Tensor) string {
	parts := make([]string, len(tensors))
	for i, t := range tensors {
		parts[i] = t.String()
	}
	return strings.Join(parts, "; ")
}

func TestGraphMayLeaveOpenWhatIsAskedForButNotFixIt(t *testing.T) {
	tensor := func(dims ...model.Dim) []model.Tensor {
		return []model.Tensor{{Name: "x", DType: "float32", Shape: dims}}
	}
	one, two, open := model.Dim{Size: 1}, model.Dim{Size: 2}, model.Dim{Name: "B"}
	for _, c := range []struct {
		name       string
		have, want model.Dim
		ok         bool
	}{
		{"the same", one, one, true},
		{"open, fixed by the caller", open, one, true},
		{"open under another name", open, model.Dim{}, true},
		{"fixed, open for the caller", one, open, false},
		{"another size", one, two, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := model.Signature{Inputs: tensor(c.have)}.Has(model.Signature{Inputs: tensor(c.want)})
			out := model.Signature{Outputs: tensor(c.have)}.Has(model.Signature{Outputs: tensor(c.want)})
			if c.ok {
				require.NoError(t, in)
				require.NoError(t, out)
				return
			}
			require.ErrorIs(t, in, model.ErrGraph)
			require.ErrorIs(t, out, model.ErrOutput)
		})
	}
	more := model.Signature{Inputs: append(tensor(one), model.Tensor{Name: "y", DType: "float32"})}
	require.ErrorContains(t, more.Has(model.Signature{Inputs: tensor(one)}), "it also asks for the input y float32 []")
	whole := model.Signature{Outputs: []model.Tensor{{Name: "x", DType: "int64", Shape: []model.Dim{one}}}}
	require.ErrorContains(t, whole.Has(model.Signature{Outputs: tensor(one)}), "output x float32 [1] is x int64 [1]")
}

func FuzzParseSignature(f *testing.F) {
	for _, file := range tinyFiles(f) {
		f.Add(file.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := model.ParseSignature(data)
		if err != nil {
			require.ErrorIs(t, err, model.ErrGraph)
			return
		}
		require.NotEmpty(t, s.Outputs)
		require.NotEmpty(t, spell(s.Inputs)+spell(s.Outputs))
	})
}
