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
	"github.com/valence-live/valence/ingest/kafka"
	"github.com/valence-live/valence/ingest/webrtc"
	"github.com/valence-live/valence/internal/calls"
	"github.com/valence-live/valence/internal/pipeline"
	"github.com/valence-live/valence/internal/server"
	"github.com/valence-live/valence/internal/telemetry"
	sinkkafka "github.com/valence-live/valence/sink/kafka"
	"github.com/valence-live/valence/sink/live"
	"github.com/valence-live/valence/sink/outbox"
	"github.com/valence-live/valence/sink/redis"
	"github.com/valence-live/valence/sink/rolling"
)

// ErrConfig says that the configuration cannot be used.
var ErrConfig = errors.New("configuration")

// Config is everything that can be set.
type Config struct {
	Ingest    Ingest                `yaml:"ingest"`
	Align     align.Config          `yaml:"align"`
	Inference pipeline.EngineConfig `yaml:"inference"`
	Sink      Sink                  `yaml:"sink"`
	Calls     calls.Config          `yaml:"calls"`
	Server    server.Config         `yaml:"server"`
	Log       telemetry.Config      `yaml:"log"`
}

// Ingest says how media comes in.
type Ingest struct {
	// WebRTC takes the media of live calls.
	WebRTC webrtc.Config `yaml:"webrtc"`
	// Kafka reads the records of calls from a log.
	Kafka kafka.Config `yaml:"kafka"`
}

// Sink says how scores leave.
type Sink struct {
	// Rolling is the time-decayed score of a participant and of a call.
	Rolling rolling.Config `yaml:"rolling"`
	// Live hands scores to those who watch.
	Live live.Config `yaml:"live"`
	// Kafka takes every score, for programs that read streams.
	Kafka sinkkafka.Config `yaml:"kafka"`
	// Redis keeps the latest scores for dashboards.
	Redis redis.Config `yaml:"redis"`
	// Outbox is what stands between scoring and each sink that may be in trouble.
	Outbox outbox.Config `yaml:"outbox"`
}

// Default returns the configuration of a program that was told nothing.
func Default() Config {
	return Config{
		Ingest:    Ingest{WebRTC: webrtc.Default(), Kafka: kafka.Default()},
		Align:     align.Default(),
		Inference: pipeline.DefaultEngine(),
		Sink:      Sink{Rolling: rolling.Default(), Live: live.Default(), Kafka: sinkkafka.Default(), Redis: redis.Default(), Outbox: outbox.Default()},
		Calls:     calls.Default(),
		Server:    server.Default(),
		Log:       telemetry.Default(),
	}
}

// Load reads the defaults, then the file (unless its name is empty), then the
// environment ("NAME=value", as os.Environ gives it), and validates the whole.
// The error joins everything that is wrong.
func Load(file string, environ []string) (Config, error) { return LoadOver(Default(), file, environ) }

// LoadOver is Load with other defaults.
func LoadOver(c Config, file string, environ []string) (Config, error) {
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
		c.Ingest.WebRTC.Validate(),
		c.Ingest.Kafka.Validate(),
		c.Align.Validate(),
		c.Inference.Validate(),
		c.Sink.Rolling.Validate(),
		c.Sink.Live.Validate(),
		c.Sink.Kafka.Validate(),
		c.Sink.Redis.Validate(),
		c.Sink.Outbox.Validate(),
		c.Calls.Validate(),
		c.Server.Validate(),
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
