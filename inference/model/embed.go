package model

import (
	"embed"
	"io/fs"
)

//go:embed bundle
var bundle embed.FS

// Default returns the bundle that is built into the program.
func Default() (fs.FS, error) { return fs.Sub(bundle, "bundle") }
