package view

import (
	"os"

	"golang.org/x/term"
)

// For returns the options for a file, standard error say: whether it is a
// terminal that can be redrawn, how wide it is, and whether colours are wanted
// (https://no-color.org). lookup is os.LookupEnv.
func For(f *os.File, title string, lookup func(string) (string, bool)) Options {
	fd := int(f.Fd())
	kind, _ := lookup("TERM")
	off, set := lookup("NO_COLOR")
	terminal := term.IsTerminal(fd) && kind != "dumb" && kind != ""
	return Options{
		Title:    title,
		Terminal: terminal,
		Colour:   terminal && (!set || off == ""),
		Width: func() int {
			if width, _, err := term.GetSize(fd); err == nil && width > 0 {
				return width
			}
			return 80
		},
	}
}
