package kafka_test

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
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/kafka"
)

func TestTheDefaultIsUsableAndOff(t *testing.T) {
	cfg := kafka.Default()
	require.NoError(t, cfg.Validate())
	assert.False(t, cfg.Enabled())
	_, err := kafka.New(cfg, telemetry.Nop())
	require.ErrorIs(t, err, kafka.ErrConfig)
}

func TestSettingsThatCannotBeUsedAreListed(t *testing.T) {
	for key, change := range map[string]func(c *kafka.Config){
		"brokers":          func(c *kafka.Config) { c.Brokers = []string{"kafka"} },
		"events_topic":     func(c *kafka.Config) { c.EventsTopic = "a b" },
		"scores_topic":     func(c *kafka.Config) { c.ScoresTopic = "ä" },
		"scores_topic and": func(c *kafka.Config) { c.ScoresTopic = c.EventsTopic },
		"format":           func(c *kafka.Config) { c.Format = "avro" },
		"source":           func(c *kafka.Config) { c.Source = "" },
		"partitions":       func(c *kafka.Config) { c.Partitions = 0 },
		"replication":      func(c *kafka.Config) { c.Replication = -1 },
		"retention":        func(c *kafka.Config) { c.Retention = 0 },
		"scores_retention": func(c *kafka.Config) { c.ScoresRetention = time.Second },
		"compression":      func(c *kafka.Config) { c.Compression = "rar" },
		"timeout":          func(c *kafka.Config) { c.Timeout = 0 },
		"max_request":      func(c *kafka.Config) { c.MaxRequest = 1 },
		"sasl.mechanism":   func(c *kafka.Config) { c.SASL = kafkasecure.SASL{Mechanism: "GSSAPI"} },
		"sasl.username":    func(c *kafka.Config) { c.SASL = kafkasecure.SASL{Mechanism: "PLAIN", Password: "p"} },
		"sasl.password":    func(c *kafka.Config) { c.SASL = kafkasecure.SASL{Mechanism: "SCRAM-SHA-256", Username: "u"} },
		"tls.enabled":      func(c *kafka.Config) { c.TLS = kafkasecure.TLS{CA: "ca.pem"} },
		"tls.certificate":  func(c *kafka.Config) { c.TLS = kafkasecure.TLS{Enabled: true, Key: "key.pem"} },
	} {
		cfg := kafka.Default()
		change(&cfg)
		err := cfg.Validate()
		require.ErrorIs(t, err, kafka.ErrConfig, key)
		require.ErrorContains(t, err, "sink.kafka."+key)
	}
}

func TestAPasswordIsNeverShown(t *testing.T) {
	cfg := kafka.Default()
	cfg.SASL = kafkasecure.SASL{Mechanism: "PLAIN", Username: "valence", Password: "correct horse"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("settings", slog.Any("sasl", cfg.SASL), slog.Any("password", cfg.SASL.Password))
	text, err := json.Marshal(cfg)
	require.NoError(t, err)
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, cfg.SASL.Password), log.String(), string(text)} {
		assert.NotContains(t, shown, "horse")
	}
}

func TestFilesThatCannotBeReadAreSaid(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for key, change := range map[string]func(c *kafka.Config){
		"sasl.password_file": func(c *kafka.Config) {
			c.SASL = kafkasecure.SASL{Mechanism: "PLAIN", Username: "u", PasswordFile: none}
		},
		"sasl": func(c *kafka.Config) {
			c.SASL = kafkasecure.SASL{Mechanism: "SCRAM-SHA-512", Username: "u", Password: "\x00"}
		},
		"tls.ca":          func(c *kafka.Config) { c.TLS = kafkasecure.TLS{Enabled: true, CA: none} },
		"tls":             func(c *kafka.Config) { c.TLS = kafkasecure.TLS{Enabled: true, CA: empty} },
		"tls.certificate": func(c *kafka.Config) { c.TLS = kafkasecure.TLS{Enabled: true, Certificate: empty, Key: empty} },
	} {
		cfg := settings("127.0.0.1:9")
		change(&cfg)
		_, err := kafka.New(cfg, telemetry.Nop())
		require.ErrorIs(t, err, kafka.ErrConfig, key)
		require.ErrorContains(t, err, "sink.kafka."+key)
	}
}
