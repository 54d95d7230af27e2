package pipeline

import "github.com/valence-live/valence/inference/batch"

// EngineConfig says what scores windows.
type EngineConfig struct {
	// Model is the folder of a model bundle; empty takes the one inside the program.
	Model string `yaml:"model"`
	// Library is the ONNX Runtime shared library; empty looks beside the program, then in the cache.
	Library string `yaml:"library"`
	// Batch says how windows of several calls are gathered.
	Batch batch.Config `yaml:"batch"`
}

// DefaultEngine is the model inside the program.
func DefaultEngine() EngineConfig { return EngineConfig{Batch: batch.Default()} }

// Validate reports every setting that cannot be used.
func (c EngineConfig) Validate() error { return c.Batch.Validate() }
