// Package layout_test holds the shape of the program: which package may know
// which, and where each heavy library lives.
package layout_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/valence-live/valence"

// table says what each folder, with all below it, may import of this module
// besides itself. The first four rows are the way of the data: a stage knows
// those before it and none behind.
func table() map[string][]string {
	return map[string][]string{
		"ingest":    {"internal/telemetry", "internal/problem", "internal/secret", "internal/kafkasecure", "internal/wire", "api"},
		"features":  {"ingest", "api"},
		"inference": {"ingest", "features", "internal/telemetry", "internal/queue"},
		"sink":      {"ingest", "features", "inference", "internal/telemetry", "internal/queue", "internal/problem", "internal/secret", "internal/kafkasecure", "internal/wire", "api"},

		"api":                  {},
		"client":               {"api", "internal/wire"}, // for programs of others
		"internal/wire":        {"api", "ingest"},
		"internal/telemetry":   {},
		"internal/queue":       {},
		"internal/problem":     {},
		"internal/layout":      {},
		"internal/auth":        {"internal/secret"},
		"internal/kafkasecure": {"internal/secret"},
		"internal/secret":      {},
		"internal/brokers":     {},
		"internal/config":      {"ingest", "features", "inference", "sink", "internal/auth", "internal/calls", "internal/pipeline", "internal/server", "internal/telemetry"},
		"internal/extract":     {"ingest", "features", "internal/telemetry"},
		"internal/view":        {"ingest", "features", "inference", "sink"},
		"internal/pipeline":    {"ingest", "features", "inference", "sink", "internal/queue", "internal/telemetry"},
		"internal/calls":       {"ingest", "features", "inference", "sink", "internal/pipeline", "internal/queue", "internal/telemetry"},
		"internal/worker":      {"ingest", "features", "inference", "sink", "api", "internal/pipeline", "internal/telemetry", "internal/wire"},
		"internal/relay":       {"ingest", "features", "sink", "api", "internal/calls", "internal/pipeline", "internal/wire"},
		"internal/server":      {"ingest", "sink", "api", "internal/auth", "internal/calls", "internal/problem", "internal/telemetry"},
		"internal/bench":       {"ingest", "features", "inference", "sink", "internal/config", "internal/pipeline", "internal/telemetry"},

		"cmd": {"ingest", "features", "inference", "sink", "internal"},
	}
}

// homes lists the heavy libraries, by the beginning of their import path, and
// the only folders that may import them outside of tests.
func homes() map[string][]string {
	return map[string][]string{
		"C":                                  {"ingest/codec", "inference/onnx"}, // cgo
		"github.com/pion/":                   {"ingest/webrtc"},
		"github.com/coder/websocket":         {"sink/live"},
		"github.com/golang-jwt/":             {"internal/auth"},
		"github.com/MicahParks/":             {"internal/auth"},
		"github.com/segmentio/kafka-go":      {"ingest/kafka", "sink/kafka", "internal/kafkasecure"},
		"github.com/asticode/":               {"ingest/replay"},
		"github.com/yalue/onnxruntime_go":    {"inference/onnx"},
		"github.com/redis/":                  {"sink/redis"},
		"go.opentelemetry.io/otel/sdk":       {"internal/telemetry"},
		"go.opentelemetry.io/otel/exporters": {"internal/telemetry"},
		"go.opentelemetry.io/contrib/":       {"internal/telemetry"},
		"github.com/prometheus/":             {"internal/telemetry"},
		"github.com/goccy/go-yaml":           {"internal/config"},
		"github.com/alecthomas/kong":         {"cmd"},
		"github.com/charmbracelet/":          {"internal/view", "cmd"},
		"github.com/stretchr/testify":        {"sink/sinktest", "internal/wire/wiretest"},
	}
}

// A source is one Go file that is part of the program or its tests.
type source struct {
	folder  string // "features/align"
	file    string
	test    bool
	imports []string
}

func TestImportsPointFromTheSinkToTheSource(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, imported := range s.imports {
			if why := wrongWay(s.folder, imported); why != "" {
				t.Errorf("%s imports %s: %s", s.file, imported, why)
			}
		}
	}
}

func TestEachHeavyLibraryHasItsHome(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			for library, folders := range homes() {
				isIt := strings.HasPrefix(imported, library) && (library != "C" || imported == "C")
				if isIt && !s.test && !slices.ContainsFunc(folders, func(f string) bool { return inside(s.folder, f) }) {
					t.Errorf("%s imports %s, which lives in %v alone", s.file, imported, folders)
				}
			}
		}
	}
}

func TestTheFolderOfAStageHoldsItsWordsAndNoLibrary(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.Contains([]string{"ingest", "features", "inference", "sink"}, s.folder) {
			continue
		}
		for _, imported := range s.imports {
			if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") && !inside(imported, module) {
				t.Errorf("%s imports %s: a stage's own folder needs the standard library alone", s.file, imported)
			}
		}
	}
}

func TestTheRulesSeeWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		folder, imported string
		wrong            bool
	}{
		{"ingest/codec", module + "/ingest", false},
		{"ingest", module + "/features", true},
		{"features/text", module + "/inference/onnx", true},
		{"inference/onnx", module + "/features", false},
		{"inference", module + "/sink", true},
		{"sink/report", module + "/ingest", false},
		{"sink/jsonl", module + "/internal/pipeline", true},
		{"features/align", module + "/internal/telemetry", true},
		{"internal/queue", module + "/ingest", true},
		{"internal/pipeline", module + "/sink/jsonl", false},
		{"internal/pipeline", module + "/cmd/valence", true},
		{"cmd/valence", module + "/internal/pipeline", false},
		{"sinks", module + "/internal/pipeline", true},
		{"ingest", "context", false},
	} {
		if why := wrongWay(c.folder, c.imported); (why != "") != c.wrong {
			t.Errorf("%s imports %s: %q", c.folder, c.imported, why)
		}
	}
}

// wrongWay says what is wrong about a folder's import, or nothing.
func wrongWay(folder, imported string) string {
	if !inside(imported, module) {
		return ""
	}
	to := strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")
	home := homeOf(folder)
	switch allowed := table()[home]; {
	case home == "":
		return "the folder has no row in the table of " + module + "/internal/layout"
	case inside(to, home), slices.ContainsFunc(allowed, func(a string) bool { return inside(to, a) }):
		return ""
	default:
		return home + " may import only [" + strings.Join(allowed, " ") + "]"
	}
}

// homeOf returns the row of the table that the folder belongs to.
func homeOf(folder string) string {
	for row := range maps.Keys(table()) {
		if inside(folder, row) {
			return row
		}
	}
	return ""
}

func inside(folder, parent string) bool {
	return folder == parent || strings.HasPrefix(folder, parent+"/")
}

// sources reads the imports of every Go file of the repository, whatever its
// build tags.
func sources(t *testing.T) []source {
	t.Helper()
	root := os.DirFS(filepath.Join("..", ".."))
	var out []source
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := d.Name(); d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "out" || base == "bin") {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{folder: path.Dir(name), file: name, test: strings.HasSuffix(name, "_test.go")}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imported)
		}
		out = append(out, s)
		return nil
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("read the sources: %d files, %v", len(out), err)
	}
	return out
}
