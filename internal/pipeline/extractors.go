package pipeline

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/valence-live/valence/features"
	"github.com/valence-live/valence/features/audio"
	"github.com/valence-live/valence/features/text"
	"github.com/valence-live/valence/features/video"
	"github.com/valence-live/valence/inference/model"
	"github.com/valence-live/valence/inference/onnx"
	"github.com/valence-live/valence/ingest"
)

// Extractors makes the extractors of tracks and holds the networks that they
// share. It needs a bundle's encoders, not its fusion net: the features for a
// new model are extracted by the same code before there is one. Its methods may
// be called from several goroutines.
type Extractors struct {
	contract  features.Contract
	tokenizer *text.Tokenizer
	encoder   features.TextEncoder
	detector  features.FaceDetector
	faces     features.FaceEncoder
}

// OpenExtractors opens the encoders of a bundle on a Runtime, which owns them.
func OpenExtractors(bundle fs.FS, runtime *onnx.Runtime) (*Extractors, error) {
	var x Extractors
	open := func(name string, use func(file []byte) error) error {
		file, err := fs.ReadFile(bundle, name)
		if err == nil {
			err = use(file)
		}
		if err != nil {
			return fmt.Errorf("model bundle: %s: %w", name, err)
		}
		return nil
	}
	err := errors.Join(
		open(model.VocabFile, func(file []byte) (err error) { x.tokenizer, err = text.NewTokenizer(file); return err }),
		open(model.TextFile, func(file []byte) (err error) { x.encoder, err = runtime.TextEncoder(file, text.Dim); return err }),
		open(model.DetectorFile, func(file []byte) (err error) { x.detector, err = runtime.FaceDetector(file); return err }),
		open(model.FaceFile, func(file []byte) (err error) { x.faces, err = runtime.FaceEncoder(file); return err }),
	)
	if err != nil {
		return nil, err
	}
	x.contract, err = contract(bundle)
	return &x, err
}

// contract is what the extractors of this program give with the encoders of a
// bundle.
func contract(bundle fs.FS) (c features.Contract, err error) {
	specs := [ingest.NumModalities]func(nets ...string) features.Spec{
		ingest.Text: text.Spec, ingest.Audio: audio.Spec, ingest.Video: video.Spec,
	}
	for m, spec := range specs {
		nets, err := model.Nets(bundle, ingest.Modality(m))
		if err != nil {
			return c, err
		}
		c[m] = spec(nets...)
	}
	return c, nil
}

// Contract is what the vectors are made by.
func (x *Extractors) Contract() features.Contract { return x.contract }

// New returns an extractor for one track.
func (x *Extractors) New(m ingest.Modality) (features.Extractor, error) {
	switch m {
	case ingest.Text:
		return text.New(x.tokenizer, x.encoder), nil
	case ingest.Audio:
		return audio.New(), nil
	case ingest.Video:
		return video.New(x.detector, x.faces), nil
	default:
		return nil, fmt.Errorf("%w: %s", ingest.ErrModality, m)
	}
}
