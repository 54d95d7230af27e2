package model

import "errors"

// What can be wrong with a bundle. Each error that Open returns wraps one of
// these and says which file, which field, what was found and what to do.
var (
	// ErrManifest says that manifest.json is not one that this program reads.
	ErrManifest = errors.New("unusable manifest")
	// ErrFile says that a file of the bundle is missing or cannot be read.
	ErrFile = errors.New("missing file")
	// ErrHash says that a file is not the one that the manifest describes.
	ErrHash = errors.New("changed file")
	// ErrGraph says that a file is not ONNX, or that its inputs are not the ones
	// of the manifest.
	ErrGraph = errors.New("wrong graph")
	// ErrOutput says that a graph lacks an output that the program reads.
	ErrOutput = errors.New("missing output")
	// ErrContract says that the model was trained on other features than this
	// program extracts.
	ErrContract = errors.New("other feature contract")
	// ErrLevel says that the model has no intervals of the level asked for.
	ErrLevel = errors.New("uncalibrated level")
)
