package codec

/*
#include "picture.h"
*/
import "C"

import (
	"sync"

	"github.com/valence-live/valence/ingest"
)

// pictures recycles the memory of pictures. They may be released on any
// goroutine, also after the decoder was closed.
type pictures struct {
	mu   sync.Mutex
	free []*ingest.Picture
}

const (
	// strideAlign suits the widest vector registers that the scaler uses; it may
	// write that far beyond a row.
	strideAlign = 64
	// maxFree is how many pictures are kept for later.
	maxFree = 32
)

// get returns a picture of the given size with undefined contents.
func (p *pictures) get(width, height int) *ingest.Picture {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		pic := p.free[n-1]
		p.free = p.free[:n-1]
		if pic.Width == width && pic.Height == height {
			return pic
		}
		p.free = p.free[:0] // the size has changed
	}
	align := func(n int) int { return (n + strideAlign - 1) &^ (strideAlign - 1) }
	yStride, cStride, cHeight := align(width), align((width+1)/2), (height+1)/2
	luma, chroma := yStride*height, cStride*cHeight
	b := make([]byte, luma+2*chroma+strideAlign)
	return &ingest.Picture{
		Width: width, Height: height,
		Y: b[:luma:luma], Cb: b[luma : luma+chroma : luma+chroma], Cr: b[luma+chroma : luma+2*chroma : luma+2*chroma],
		YStride: yStride, CStride: cStride,
		Free: p.put,
	}
}

func (p *pictures) put(pic *ingest.Picture) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < maxFree {
		p.free = append(p.free, pic)
	}
}

// convert returns the frame that was measured for c as an upright picture, or
// the failure code of the library.
func (p *pictures) convert(c *C.valence_picture, frame *C.AVFrame) (*ingest.Picture, C.int) {
	pic := p.get(int(c.width), int(c.height))
	rc := C.valence_convert(c, frame, (*C.uint8_t)(&pic.Y[0]), C.int(pic.YStride), (*C.uint8_t)(&pic.Cb[0]), (*C.uint8_t)(&pic.Cr[0]), C.int(pic.CStride))
	if rc < 0 {
		p.put(pic)
		return nil, rc
	}
	pic.FullRange = rc == 1
	return pic, rc
}
