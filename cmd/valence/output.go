package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

// create opens a file to write, with its folder; "-" is stdout, which stays
// open.
func create(name string) (io.WriteCloser, error) {
	if name == "-" {
		return keepOpen{os.Stdout}, nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return nil, err
	}
	return os.Create(name) //nolint:gosec // G304: the person names the file
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// trimExt returns the name without its extension.
func trimExt(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }
