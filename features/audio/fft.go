package audio

import (
	"math"
	"math/bits"
)

// fft is the discrete Fourier transform of n real float32 numbers, n a power of
// two. The general float64 transforms of the libraries cost three times as much.
// It owns its buffer: one goroutine at a time.
type fft struct {
	order    []uint16    // bit-reversed positions of n/2 complex numbers
	twiddles []complex64 // exp(-2 pi i k / n) for k < n/2
	work     []complex64
}

func newFFT(n int) *fft {
	half := n / 2
	f := &fft{order: make([]uint16, half), twiddles: make([]complex64, half), work: make([]complex64, half)}
	width := bits.Len(uint(half)) - 1
	for k := range half {
		f.order[k] = bits.Reverse16(uint16(k)) >> (16 - width)
		sin, cos := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
		f.twiddles[k] = complex(float32(cos), float32(sin))
	}
	return f
}

// transform writes the n/2 + 1 coefficients of non-negative frequency of the n
// numbers of in. It treats pairs of them as complex numbers, transforms these,
// and takes the two halves apart.
func (f *fft) transform(in []float32, out []complex64) {
	half := len(f.work)
	for k, from := range f.order {
		f.work[k] = complex(in[2*from], in[2*from+1])
	}
	f.butterflies()

	z := f.work
	out[0] = complex(real(z[0])+imag(z[0]), 0)
	out[half] = complex(real(z[0])-imag(z[0]), 0)
	for k := 1; k <= half/2; k++ {
		a, b := z[k], complex(real(z[half-k]), -imag(z[half-k]))
		even, odd := (a+b)*0.5, (a-b)*complex(0, -0.5)*f.twiddles[k]
		sum, difference := even+odd, even-odd
		out[k] = sum
		out[half-k] = complex(real(difference), -imag(difference))
	}
}

// butterflies transforms work, whose numbers are in bit-reversed order, in place.
func (f *fft) butterflies() {
	z := f.work
	for k := 0; k+1 < len(z); k += 2 {
		z[k], z[k+1] = z[k]+z[k+1], z[k]-z[k+1]
	}
	for size := 4; size <= len(z); size *= 2 {
		stride := 2 * len(z) / size
		for block := 0; block < len(z); block += size {
			low := z[block : block+size/2]
			high := z[block+size/2 : block+size]
			high = high[:len(low)]
			for k, t := 0, 0; k < len(low); k, t = k+1, t+stride {
				b := high[k] * f.twiddles[t]
				low[k], high[k] = low[k]+b, low[k]-b
			}
		}
	}
}
