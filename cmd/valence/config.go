package main

import (
	"os"

	"github.com/valence-live/valence/internal/config"
)

// configCmd prints what is in force.
type configCmd struct{}

// Help is shown by --help.
func (configCmd) Help() string {
	return "Prints the defaults, with the file given by --config and then the VALENCE_* variables laid over them, as YAML that can be read back. docs/configuration.md explains each key."
}

// Run prints the effective configuration.
func (configCmd) Run(c *cli) error {
	effective, err := c.load()
	if err != nil {
		return err
	}
	text, err := effective.YAML()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

// load reads the effective configuration.
func (c *cli) load() (config.Config, error) { return config.Load(c.Config, os.Environ()) }
