package kafka

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/kafkasecure"
	"github.com/valence-live/valence/internal/secret"
	"github.com/valence-live/valence/internal/telemetry"
)

func TestTheDefaultsAreValidAndOff(t *testing.T) {
	require.NoError(t, Default().Validate())
	assert.False(t, Default().Enabled())
	_, err := New(Default(), newLedger().as(""), telemetry.Nop())
	require.ErrorIs(t, err, ErrConfig)
	assert.ErrorContains(t, err, "ingest.kafka.brokers is empty")
}

func TestEverySettingThatCannotBeUsedIsReported(t *testing.T) {
	for want, change := range map[string]func(*Config){
		`brokers has "localhost"`:           func(c *Config) { c.Brokers = []string{"localhost"} },
		`brokers has "h:0"`:                 func(c *Config) { c.Brokers = []string{"h:0"} },
		"group is empty":                    func(c *Config) { c.Group = "" },
		"topics is empty":                   func(c *Config) { c.Topics = nil },
		"topics has an empty name":          func(c *Config) { c.Topics = []string{"a", ""} },
		`"a b" is no name of a topic`:       func(c *Config) { c.Topics = []string{"a b"} },
		`name "valence.state" twice`:        func(c *Config) { c.Topics = []string{"valence.state"} },
		`consent is "maybe"`:                func(c *Config) { c.Consent = "maybe" },
		`from is "middle"`:                  func(c *Config) { c.From = "middle" },
		"partitions is 0":                   func(c *Config) { c.Partitions = 0 },
		"replication is -1":                 func(c *Config) { c.Replication = -1 },
		"retention is 1s":                   func(c *Config) { c.Retention = time.Second },
		"session_timeout is 10ms":           func(c *Config) { c.SessionTimeout = 10 * time.Millisecond },
		"rebalance_timeout is 0s":           func(c *Config) { c.RebalanceTimeout = 0 },
		"checkpoint is 1h0m0s":              func(c *Config) { c.Checkpoint = time.Hour },
		"request_timeout is 2m0s":           func(c *Config) { c.RequestTimeout = 2 * time.Minute },
		"buffer is 1":                       func(c *Config) { c.Buffer = 1 },
		"max_message is 1":                  func(c *Config) { c.MaxMessage = 1 },
		`sasl.mechanism is "GSSAPI"`:        func(c *Config) { c.SASL.Mechanism = "GSSAPI" },
		"sasl.mechanism is empty":           func(c *Config) { c.SASL.Username = "ann" },
		"sasl.username is empty":            func(c *Config) { c.SASL = kafkasecure.SASL{Mechanism: "PLAIN", Password: "p"} },
		"sasl.password or password_file":    func(c *Config) { c.SASL = kafkasecure.SASL{Mechanism: "PLAIN", Username: "ann"} },
		"tls.enabled is false":              func(c *Config) { c.TLS.CA = "ca.pem" },
		"tls.certificate and key belong to": func(c *Config) { c.TLS = kafkasecure.TLS{Enabled: true, Key: "k"} },
	} {
		c := Default()
		change(&c)
		err := c.Validate()
		require.ErrorIs(t, err, ErrConfig, want)
		require.ErrorContains(t, err, want)
	}
	err := Config{}.Validate()
	assert.Greater(t, strings.Count(err.Error(), "\n"), 8, "all of them at once")
}

func TestAPasswordIsNeverPrinted(t *testing.T) {
	c := Default()
	c.SASL = kafkasecure.SASL{Mechanism: "PLAIN", Username: "ann", Password: "hunter2"}
	text, err := json.Marshal(c)
	require.NoError(t, err)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", slog.Any("config", c), slog.Any("password", c.SASL.Password))
	for _, shown := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), string(text), log.String(), fmt.Sprintf("%q", c.SASL.Password)} {
		assert.NotContains(t, shown, "hunter2")
	}
	c.SASL.Mechanism, c.SASL.Password = "SCRAM-SHA-512", "hunter2\x00"
	if _, err := New(c, newLedger().as(""), telemetry.Nop()); err != nil {
		assert.NotContains(t, err.Error(), "hunter2")
	}
	assert.Empty(t, secret.Text("").String())
}

func TestFilesThatCannotBeReadAreNamed(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.pem")
	require.NoError(t, os.WriteFile(junk, []byte("junk"), 0o600))
	for want, change := range map[string]func(*Config){
		"sasl.password_file: open": func(c *Config) {
			c.SASL = kafkasecure.SASL{Mechanism: "PLAIN", Username: "a", PasswordFile: dir + "/none"}
		},
		"tls.ca: open":                  func(c *Config) { c.TLS = kafkasecure.TLS{Enabled: true, CA: dir + "/none"} },
		"junk.pem holds no certificate": func(c *Config) { c.TLS = kafkasecure.TLS{Enabled: true, CA: junk} },
		"tls.certificate: tls: failed":  func(c *Config) { c.TLS = kafkasecure.TLS{Enabled: true, Certificate: junk, Key: junk} },
	} {
		c := Default()
		c.Brokers = []string{"localhost:9092"}
		change(&c)
		_, err := New(c, newLedger().as(""), telemetry.Nop())
		require.ErrorIs(t, err, ErrConfig)
		require.ErrorContains(t, err, want)
	}
}

func TestAPasswordFileMayEndInANewline(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte("secret\n"), 0o600))
	m, err := kafkasecure.SASL{Mechanism: "PLAIN", Username: "ann", PasswordFile: file}.Client("ingest.kafka")
	require.NoError(t, err)
	_, first, err := m.Start(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "\x00ann\x00secret", string(first))
}
