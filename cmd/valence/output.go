package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
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

// same reports whether two names lead to one file that holds something: devices
// and names of nothing are not the same.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil || !x.Mode().IsRegular() {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// printJSON is for the programs of those who ask with --json.
func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// trimExt returns the name without its extension.
func trimExt(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }

// columns writes lines with tabs as a table.
func columns(w io.Writer, lines *bytes.Buffer, flags uint) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', flags)
	if _, err := lines.WriteTo(t); err != nil {
		return err
	}
	return t.Flush()
}
