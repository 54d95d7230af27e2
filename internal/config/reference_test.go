package config_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/config"
)

const (
	module    = "github.com/valence-live/valence/"
	root      = "../../"
	reference = root + "docs/configuration.md"
)

//nolint:gochecknoglobals // a test flag
var update = flag.Bool("update", false, "write docs/configuration.md anew")

// TestTheReferencePageIsCurrent keeps docs/configuration.md made from the
// structs' own comments: go test ./internal/config -update writes it.
func TestTheReferencePageIsCurrent(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Configuration\n\nMade from the comments in the code by `go test ./internal/config -update`.\n\n" +
		"`valence --config FILE` reads YAML; an environment variable goes over it. A key that does not exist, or a value that\n" +
		"cannot be used, is an error, and all of them are reported at once. `valence config` prints what is in force.\n\n" +
		"| key | default | meaning |\n|---|---|---|\n")
	rows(t, &b, reflect.ValueOf(config.Default()), "")
	b.WriteString("\nThe environment variable of a key is `VALENCE_` and its path in upper case with `_` between: `align.window` is\n" +
		"`VALENCE_ALIGN_WINDOW`. `VALENCE_CACHE` (where set-up keeps what it downloads) and `VALENCE_DATA` (the training data)\n" +
		"belong to the scripts. Traces and metrics are configured by the standard `OTEL_*` variables.\n")
	if *update {
		require.NoError(t, os.WriteFile(reference, []byte(b.String()), 0o600))
	}
	have, err := os.ReadFile(reference)
	require.NoError(t, err)
	assert.Equal(t, b.String(), string(have), "run: go test ./internal/config -update")
}

func rows(t *testing.T, b *strings.Builder, v reflect.Value, prefix string) {
	t.Helper()
	comments := fieldComments(t, v.Type())
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "" || name == "-":
		case f.Type.Kind() == reflect.Struct:
			rows(t, b, v.Field(i), prefix+name+".")
		default:
			comment := strings.TrimPrefix(comments[f.Name], f.Name+" ")
			require.NotEmpty(t, comment, "%s.%s has no comment", v.Type(), f.Name)
			fmt.Fprintf(b, "| `%s%s` | %s | %s |\n", prefix, name, show(v.Field(i)), strings.ReplaceAll(comment, "|", "\\|"))
		}
	}
}

func show(v reflect.Value) string {
	if d, ok := reflect.TypeAssert[time.Duration](v); ok {
		return "`" + d.String() + "`"
	}
	if s := fmt.Sprint(v.Interface()); s != "" {
		return "`" + s + "`"
	}
	return "empty"
}

// fieldComments reads the doc comments of a struct's fields from its source.
func fieldComments(t *testing.T, typ reflect.Type) map[string]string {
	t.Helper()
	dir := filepath.Join(root, strings.TrimPrefix(typ.PkgPath(), module))
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	out := map[string]string{}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != typ.Name() {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, id := range f.Names {
						out[id.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
					}
				}
			}
			return false
		})
	}
	return out
}
