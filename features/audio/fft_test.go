package audio

import (
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/dsp/fourier"
)

func TestFFTAgreesWithGonum(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{4, 8, 64, fftSize, pitchFFT} {
		in, wide := make([]float32, n), make([]float64, n)
		for i := range in {
			in[i] = float32(r.NormFloat64())
			wide[i] = float64(in[i])
		}
		out := make([]complex64, n/2+1)
		newFFT(n).transform(in, out)
		for i, want := range fourier.NewFFT(n).Coefficients(nil, wide) {
			require.Less(t, cmplx.Abs(complex128(out[i])-want), 1e-5*float64(n), "n %d, bin %d", n, i)
		}
	}
}

func BenchmarkFFT(b *testing.B) {
	f, in, out := newFFT(fftSize), make([]float32, fftSize), make([]complex64, numBins)
	b.ReportAllocs()
	for b.Loop() {
		f.transform(in, out)
	}
}
