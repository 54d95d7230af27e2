// Package config is the program's configuration: one struct made of those that
// stand beside each stage, read strictly from YAML and the environment. Every
// mistake is reported, not the first alone.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/valence-live/valence/features/align"
	"github.com/valence-live/valence/inference/batch"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/rolling"
)

// ErrConfig says that the configuration cannot be used.
var ErrConfig = errors.New("configuration")

// Config is everything that can be set.
type Config struct {
	Align     align.Config     `yaml:"align"`
	Inference Inference        `yaml:"inference"`
	Sink      Sink             `yaml:"sink"`
	Log       telemetry.Config `yaml:"log"`
}

// Inference says what scores windows.
type Inference struct {
	// Model is the folder of a model bundle; empty takes the one inside the program.
	Model string `yaml:"model"`
	// Library is the ONNX Runtime shared library; empty looks beside the program, then in the cache.
	Library string `yaml:"library"`
	// Batch says how windows of several calls are gathered.
	Batch batch.Config `yaml:"batch"`
}

// Sink says how scores leave.
type Sink struct {
	// Rolling is the time-decayed score of a participant and of a call.
	Rolling rolling.Config `yaml:"rolling"`
}

// Default returns the configuration of a program that was told nothing.
func Default() Config {
	return Config{
		Align:     align.Default(),
		Inference: Inference{Batch: batch.Default()},
		Sink:      Sink{Rolling: rolling.Default()},
		Log:       telemetry.Default(),
	}
}

// Load reads the defaults, then the file (unless its name is empty), then the
// environment ("NAME=value", as os.Environ gives it), and validates the whole.
// The error joins everything that is wrong.
func Load(file string, environ []string) (Config, error) {
	c := Default()
	fields := leaves(reflect.ValueOf(&c).Elem(), "")
	var errs []error
	if file != "" {
		document, err := os.ReadFile(file) //nolint:gosec // the operator names the file
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: %w", ErrConfig, err))
		}
		errs = append(errs, decodeYAML(document, filepath.Base(file), fields))
	}
	errs = append(errs, decodeEnv(environ, fields), c.Validate())
	return c, errors.Join(errs...)
}

// Validate reports every value that cannot be used.
func (c Config) Validate() error {
	return errors.Join(
		c.Align.Validate(),
		c.Inference.Batch.Validate(),
		c.Sink.Rolling.Validate(),
		c.Log.Validate(),
	)
}

// YAML prints the configuration as a file that Load reads back.
func (c Config) YAML() ([]byte, error) {
	out, err := yaml.MarshalWithOptions(c, yaml.CustomMarshaler(func(d time.Duration) ([]byte, error) {
		return []byte(d.String()), nil
	}))
	if err != nil {
		return nil, fmt.Errorf("print the configuration: %w", err)
	}
	return out, nil
}
