package redis_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/redis"
)

func TestTheDefaultIsOffAndValid(t *testing.T) {
	cfg := redis.Default()
	require.NoError(t, cfg.Validate())
	assert.False(t, cfg.Enabled())
	_, err := redis.New(cfg, telemetry.Nop())
	require.ErrorIs(t, err, redis.ErrConfig)
	assert.True(t, at("a:1").Enabled())
}

func TestEveryUnusableSettingIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*redis.Config)
		want   []string
	}{
		"addresses": {func(c *redis.Config) { c.Addresses = []string{"redis", ":6379", "redis:6379"} }, []string{`"redis"`, `":6379"`}},
		"several":   {func(c *redis.Config) { c.TTL, c.HistoryAge, c.Timeout, c.HistoryLength = 1, 1, 1, 0 }, []string{"ttl", "history_age", "timeout", "history_length"}},
		"databases": {func(c *redis.Config) { c.Addresses, c.DB = []string{"a:1", "b:1"}, 2 }, []string{"db is 2"}},
		"negative":  {func(c *redis.Config) { c.DB = -1 }, []string{"db is -1"}},
		"both":      {func(c *redis.Config) { c.Cluster, c.Master = true, "m" }, []string{"choose one"}},
		"user":      {func(c *redis.Config) { c.Username, c.SentinelUsername = "u", "v" }, []string{`"u"`, `"v"`}},
		"passwords": {func(c *redis.Config) { c.SentinelPassword, c.SentinelPasswordFile = "p", "f" }, []string{"sentinel_password and sentinel_password_file"}},
		"tls":       {func(c *redis.Config) { c.TLS.Certificate = "x" }, []string{"tls.enabled", "tls.key"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := at("a:1")
			c.change(&cfg)
			err := cfg.Validate()
			require.ErrorIs(t, err, redis.ErrConfig)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			_, err = redis.New(cfg, telemetry.Nop())
			require.ErrorIs(t, err, redis.ErrConfig)
		})
	}
	sentinels := at("a:1", "b:1")
	sentinels.Master, sentinels.DB = "mymaster", 3
	require.NoError(t, sentinels.Validate())
}

func TestFilesThatCannotBeUsedAreSaidByName(t *testing.T) {
	text := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(text, []byte("none"), 0o600))
	for _, tls := range []redis.TLS{
		{Enabled: true, CA: text}, {Enabled: true, CA: text + "x"}, {Enabled: true, Certificate: text, Key: text},
	} {
		cfg := at("a:1")
		cfg.TLS = tls
		_, err := redis.New(cfg, telemetry.Nop())
		require.ErrorIs(t, err, redis.ErrConfig)
		require.ErrorContains(t, err, "ca.pem")
	}
	cfg := at("a:1")
	cfg.SentinelPasswordFile = text + "y"
	_, err := redis.New(cfg, telemetry.Nop())
	require.ErrorContains(t, err, "ca.pemy")
}

func TestAPasswordIsNeverPrinted(t *testing.T) {
	cfg := at("a:1")
	cfg.Password, cfg.SentinelPassword = "hunter2", "hunter2"
	cfg.Timeout = time.Second
	text, err := json.Marshal(cfg)
	require.NoError(t, err)
	yaml, err := cfg.Password.MarshalYAML()
	require.NoError(t, err)
	for _, printed := range []string{string(text), fmt.Sprint(cfg), fmt.Sprintf("%+v %#v", cfg, cfg), fmt.Sprint(yaml)} {
		assert.NotContains(t, printed, "hunter2")
		assert.Contains(t, printed, "(hidden)")
	}
	assert.Empty(t, redis.Password("").String())
}
