package features

// TextEncoder is the fine-tuned text encoder. Its methods may be called from
// several goroutines.
type TextEncoder interface {
	// EncodeTokens encodes ids ([CLS] ... [SEP]) and writes one vector of the
	// contract's text dimension for each into vectors, which must hold
	// len(ids) x dimension values.
	EncodeTokens(ids []int64, vectors []float32) error
}

// FaceDetector is the BlazeFace network without its decoding. Its methods may
// be called from several goroutines.
type FaceDetector interface {
	// DetectFaces reads a 128x128 RGB picture (row-major, channels last, values
	// in [-1, 1]) and writes the 896 raw boxes (16 numbers each, in pixels of
	// the input relative to the anchor) and the 896 logits.
	DetectFaces(rgb, boxes, logits []float32) error
}

// FaceEncoder is the face network. Its methods may be called from several
// goroutines.
type FaceEncoder interface {
	// EncodeFace reads a 48x48 grey crop (row-major, 0..255) and writes its
	// 64-d embedding, centred on the training mean.
	EncodeFace(crop, embedding []float32) error
}
