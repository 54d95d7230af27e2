package ingest

// Picture is one decoded video frame in planar YUV 4:2:0.
//
// Cb and Cr have (Width+1)/2 columns and (Height+1)/2 rows; both nil for a grey
// picture. Values are BT.601; luma is 16..235, or 0..255 where FullRange is set.
// Rows of Y are YStride bytes apart, rows of Cb and Cr CStride.
type Picture struct {
	Width, Height    int
	Y, Cb, Cr        []byte
	YStride, CStride int
	FullRange        bool

	// Free hands the memory back to the decoder's pool; may be nil.
	Free func(*Picture)
}

// Release gives the picture back to its decoder. The one who received the
// Sample calls it once, after extraction; the planes must not be used after.
func (p *Picture) Release() {
	if p.Free != nil {
		p.Free(p)
	}
}
