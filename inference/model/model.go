// Package model is the bundle: the networks, the vocabulary and a manifest
// that says what they are. Open checks all of it before anything runs, so that
// a wrong file is an error at the start and never a wrong score.
//
// The package needs no ONNX Runtime: it reads names and shapes out of the files
// themselves. inference/onnx runs them.
package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/valence-live/valence/ingest"
)

// Bundle is a checked bundle. It is immutable and may be used from any goroutine.
type Bundle struct {
	Manifest *Manifest
	fsys     fs.FS
}

// Open reads the manifest at the root of fsys and checks every file against
// it: its size and hash, and of each network the names, types and shapes of its
// inputs and outputs. What is wrong wraps ErrManifest, ErrFile, ErrHash,
// ErrGraph or ErrOutput.
//
// Whether the features are those that the model was trained on is asked by
// Implements: only the caller knows its extractors.
func Open(fsys fs.FS) (*Bundle, error) {
	f, err := fsys.Open(ManifestFile)
	if err != nil {
		return nil, fmt.Errorf("%w: a bundle needs a %s: %w", ErrFile, ManifestFile, err)
	}
	manifest, err := ParseManifest(f)
	if closing := f.Close(); err == nil && closing != nil {
		err = fmt.Errorf("%w: %s: %w", ErrFile, ManifestFile, closing)
	}
	if err != nil {
		return nil, err
	}
	b := &Bundle{Manifest: manifest, fsys: fsys}
	if err := b.check(VocabFile, Signature{}); err != nil {
		return nil, err
	}
	for _, name := range graphFiles() {
		if err := b.check(name, manifest.graph(name).Signature()); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// check compares one file with the manifest; a signature without outputs means
// that the file is not a network.
func (b *Bundle) check(name string, want Signature) error {
	pinned := b.Manifest.Files[name]
	if info, err := fs.Stat(b.fsys, name); err == nil && info.Size() != pinned.Bytes {
		return fmt.Errorf("%w: %s has %d bytes, the manifest of %s %s says %d; get the whole bundle again",
			ErrHash, name, info.Size(), b.Manifest.Name, b.Manifest.Version, pinned.Bytes)
	}
	data, err := b.ReadFile(name)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != pinned.SHA256 {
		return fmt.Errorf("%w: %s has the SHA-256 %s, the manifest of %s %s says %s; get the whole bundle again",
			ErrHash, name, got, b.Manifest.Name, b.Manifest.Version, pinned.SHA256)
	}
	if len(want.Outputs) == 0 {
		return nil
	}
	signature, err := ParseSignature(data)
	if err == nil {
		err = signature.Has(want)
	}
	if err != nil {
		return fmt.Errorf("%s: %w; export it again together with its manifest", name, err)
	}
	return nil
}

// ReadFile returns the content of one file of the bundle. Bundles are large:
// nothing is kept between calls.
func (b *Bundle) ReadFile(name string) ([]byte, error) { return readFile(b.fsys, name) }

func readFile(fsys fs.FS, name string) ([]byte, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("%w: the bundle cannot give %s: %w", ErrFile, name, err)
	}
	return data, nil
}

// netFiles are the files that take part in the vectors of a modality, in the
// order in which a feature contract lists their hashes.
func netFiles(m ingest.Modality) []string {
	return [ingest.NumModalities][]string{
		ingest.Text:  {TextFile, VocabFile},
		ingest.Audio: nil,
		ingest.Video: {DetectorFile, FaceFile},
	}[m]
}

// Nets returns what belongs into features.Spec.Nets of a modality: the SHA-256,
// in hexadecimal, of each file that takes part in its vectors. It needs no
// manifest, so that features for a model can be extracted before there is one.
func Nets(fsys fs.FS, m ingest.Modality) ([]string, error) {
	var nets []string
	for _, name := range netFiles(m) {
		data, err := readFile(fsys, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		nets = append(nets, hex.EncodeToString(sum[:]))
	}
	return nets, nil
}

// Nets is the function Nets on the files of the bundle.
func (b *Bundle) Nets(m ingest.Modality) []string {
	var nets []string
	for _, name := range netFiles(m) {
		nets = append(nets, b.Manifest.Files[name].SHA256)
	}
	return nets
}
