package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// EnvPrefix begins the name of every environment variable that sets a key.
const EnvPrefix = "VALENCE_"

// setupVariables begin with EnvPrefix too, but belong to the scripts.
func setupVariables() []string { return []string{"VALENCE_CACHE", "VALENCE_DATA"} }

// field is one settable key.
type field struct {
	path  string // as in YAML: "align.window"
	value reflect.Value
}

// env is the environment variable of the key: "VALENCE_ALIGN_WINDOW".
func (f field) env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(f.path, ".", "_"))
}

// leaves lists every settable key under v, a struct whose fields carry yaml
// tags, in the order of declaration.
func leaves(v reflect.Value, prefix string) []field {
	var out []field
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		path := prefix + name
		if f := v.Field(i); f.Kind() == reflect.Struct {
			out = append(out, leaves(f, path+".")...)
		} else {
			out = append(out, field{path: path, value: f})
		}
	}
	return out
}

// decodeYAML sets the keys that the document names and reports everything that
// is wrong with it, each with its line.
func decodeYAML(document []byte, name string, fields []field) error {
	file, err := parser.ParseBytes(document, 0)
	if err != nil {
		return fmt.Errorf("%w: %s is not YAML: %w", ErrConfig, name, err)
	}
	var errs []error
	for _, doc := range file.Docs {
		if doc.Body != nil {
			errs = append(errs, decodeNode(doc.Body, name, "", fields))
		}
	}
	return errors.Join(errs...)
}

func decodeNode(node ast.Node, name, path string, fields []field) error {
	at := fmt.Sprintf("%s:%d", name, node.GetToken().Position.Line)
	if i := slices.IndexFunc(fields, func(f field) bool { return f.path == path }); i >= 0 {
		text := strings.TrimSpace(node.String())
		if _, list := node.(*ast.SequenceNode); list {
			text = strings.Trim(node.String(), "\n") // its lines belong together by their indentation
		}
		if err := setYAML(fields[i].value, text); err != nil {
			return fmt.Errorf("%w: %s: %s: %w", ErrConfig, at, path, err)
		}
		return nil
	}
	if path != "" && !slices.ContainsFunc(fields, func(f field) bool { return strings.HasPrefix(f.path, path+".") }) {
		return fmt.Errorf("%w: %s: there is no key %q%s", ErrConfig, at, path, suggestion(path, fields))
	}
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil
	default:
		return fmt.Errorf("%w: %s: %q must be a mapping", ErrConfig, at, path)
	}
	var errs []error
	for _, v := range values {
		key := v.Key.String()
		if path != "" {
			key = path + "." + key
		}
		errs = append(errs, decodeNode(v.Value, name, key, fields))
	}
	return errors.Join(errs...)
}

// decodeEnv sets the keys that the environment ("NAME=value") names.
func decodeEnv(environ []string, fields []field) error {
	var errs []error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvPrefix) || slices.Contains(setupVariables(), name) {
			continue
		}
		i := slices.IndexFunc(fields, func(f field) bool { return f.env() == name })
		if i < 0 {
			errs = append(errs, fmt.Errorf("%w: environment: there is no key for %s", ErrConfig, name))
			continue
		}
		if err := setYAML(fields[i].value, value); err != nil {
			errs = append(errs, fmt.Errorf("%w: environment: %s: %w", ErrConfig, name, err))
		}
	}
	return errors.Join(errs...)
}

// setYAML sets one key from its YAML text.
func setYAML(v reflect.Value, text string) error {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(strings.Trim(text, `"'`))
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 500ms or 8s", text)
		}
		v.SetInt(int64(d))
		return nil
	}
	if v.Kind() == reflect.String && !strings.ContainsAny(text, `"'#`) {
		v.SetString(text) // a bare word is a string even where YAML sees a number
		return nil
	}
	// Strictly: a misspelt purpose in an item of a list must not go unnoticed.
	if err := yaml.UnmarshalWithOptions([]byte(text), v.Addr().Interface(), yaml.Strict()); err != nil {
		if v.Kind() == reflect.Slice { // its items have keys of their own
			return fmt.Errorf("not such a list: %s", yaml.FormatError(err, false, false))
		}
		return fmt.Errorf("%q is not %s", text, kindName(v))
	}
	if v.Kind() == reflect.Slice && v.Len() == 0 {
		v.SetZero() // an empty list is no list
	}
	return nil
}

func kindName(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.CanInt() || v.CanUint():
		return "a whole number"
	case v.CanFloat():
		return "a number"
	case v.Kind() == reflect.Slice:
		return "a list"
	default:
		return "a text"
	}
}

// suggestion names the key that was probably meant: the one that shares the
// last part, else the ones beside it.
func suggestion(path string, fields []field) string {
	parent, last := "", path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		parent, last = path[:i], path[i+1:]
	}
	var beside []string
	for _, f := range fields {
		if strings.HasSuffix("."+f.path, "."+last) {
			return fmt.Sprintf("; did you mean %q?", f.path)
		}
		if parent != "" && strings.HasPrefix(f.path, parent+".") {
			beside = append(beside, strings.TrimPrefix(f.path, parent+"."))
		}
	}
	if len(beside) > 0 {
		return fmt.Sprintf("; %q has %s", parent, strings.Join(beside, ", "))
	}
	return ""
}
