// Package deploy_test checks the files beside it against the program.
package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/goccy/go-yaml"
	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/config"
	"github.com/valence-live/valence/internal/telemetry"
	"github.com/valence-live/valence/sink/redis"
	"github.com/valence-live/valence/sink/sinktest"
)

// compose is what is checked of a compose file.
type compose struct {
	Services map[string]struct {
		Image       string            `yaml:"image"`
		Command     []string          `yaml:"command"`
		Environment map[string]string `yaml:"environment"`
		Volumes     []string          `yaml:"volumes"`
		Secrets     []string          `yaml:"secrets"`
		DependsOn   []string          `yaml:"depends_on"`
	} `yaml:"services"`
	Secrets map[string]any `yaml:"secrets"`
	Volumes map[string]any `yaml:"volumes"`
}

func read(t *testing.T, file string) (c compose) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &c))
	return c
}

func TestTheServicesAreConfiguredAsTheProgramTakesIt(t *testing.T) {
	base := read(t, "compose.yaml")
	checked := 0
	for _, file := range []string{"compose.yaml", "compose.workers.yaml"} {
		for name, s := range read(t, file).Services {
			for _, other := range s.DependsOn {
				assert.Contains(t, base.Services, other, "%s %s", file, name)
			}
			for _, secret := range s.Secrets {
				assert.Contains(t, base.Secrets, secret, "%s %s", file, name)
			}
			for _, v := range s.Volumes {
				from, _, _ := strings.Cut(v, ":")
				if strings.HasPrefix(from, ".") {
					assert.FileExists(t, fileIn(t, from), "%s %s", file, name)
				} else {
					assert.Contains(t, base.Volumes, from, "%s %s", file, name)
				}
			}
			if s.Image != "valence" {
				continue
			}
			var environ []string
			for k, v := range s.Environment {
				environ = append(environ, k+"="+v)
			}
			cfg, err := config.Load("valence.yaml", environ)
			require.NoError(t, err, "%s %s", file, name)
			assert.True(t, cfg.Sink.Redis.Enabled() && cfg.Sink.Kafka.Enabled() && cfg.Ingest.Kafka.Enabled(), "%s %s", file, name)
			assert.Equal(t, "serve", s.Command[0])
			checked++
		}
	}
	assert.Equal(t, 2, checked)
}

// fileIn returns the path, or that of a file in the folder.
func fileIn(t *testing.T, path string) string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		return path
	}
	for _, e := range entries {
		return fileIn(t, filepath.Join(path, e.Name()))
	}
	return path
}

// target is a query of the Redis data source for Grafana, version 2.
type target struct {
	Type    string `json:"type"`
	Command string `json:"command"`
	KeyName string `json:"keyName"`
	Field   string `json:"field"`
	Query   string `json:"query"`
	Count   int    `json:"count"`
}

func TestEveryQueryOfTheDashboardFindsItsData(t *testing.T) {
	text, err := os.ReadFile("grafana/dashboards/call.json")
	require.NoError(t, err)
	var dashboard struct {
		Templating struct {
			List []struct {
				Name, Query string
			} `json:"list"`
		} `json:"templating"`
		Panels []struct {
			Title   string   `json:"title"`
			Targets []target `json:"targets"`
		} `json:"panels"`
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))

	m := miniredis.RunT(t)
	cfg := redis.Default()
	cfg.Addresses = []string{m.Addr()}
	p, err := redis.New(cfg, telemetry.Nop())
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	require.NoError(t, p.PublishBatch(t.Context(), sinktest.NewCall("call 1", 10).Events))
	c := goredis.NewClient(&goredis.Options{Addr: m.Addr(), DisableIdentity: true})
	defer func() { require.NoError(t, c.Close()) }()

	chosen := strings.NewReplacer()
	say := func(what string, words ...string) any {
		args := make([]any, len(words))
		for i, w := range words {
			args[i] = chosen.Replace(w)
		}
		answer, err := c.Do(t.Context(), args...).Result()
		require.NoError(t, err, what)
		require.NotEmpty(t, answer, what)
		return answer
	}
	values := []string{}
	for _, v := range dashboard.Templating.List {
		options, ok := say(v.Name, strings.Fields(v.Query)...).([]any)
		require.True(t, ok)
		first, ok := options[0].(string)
		require.True(t, ok)
		values = append(values, "$"+v.Name, first)
		chosen = strings.NewReplacer(values...)
	}
	assert.Equal(t, []string{"$session", "call 1", "$participant", "alice"}, values)
	queries := 0
	for _, panel := range dashboard.Panels {
		for _, q := range panel.Targets {
			say(panel.Title, q.words()...)
			queries++
		}
	}
	assert.Equal(t, len(dashboard.Panels), queries)
}

// words is the command that the data source sends.
func (q target) words() []string {
	switch {
	case q.Type == "cli":
		return strings.Fields(q.Query)
	case q.Command == "xrange":
		from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour) // the dashboard's range
		return []string{"XRANGE", q.KeyName, id(from), id(to), "COUNT", strconv.Itoa(q.Count)}
	default:
		return slices.DeleteFunc([]string{q.Command, q.KeyName, q.Field}, func(s string) bool { return s == "" })
	}
}

func id(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) + "-0" }
