package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/secret"
)

const password = "correct horse battery"

type settings struct {
	Name     string      `json:"name" yaml:"name"`
	Password secret.Text `json:"password" yaml:"password"`
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	s := settings{Name: "x", Password: password}
	var out strings.Builder
	fmt.Fprintf(&out, "%v %+v %#v %s %q %v", s, s, s, s.Password, s.Password, []settings{s})
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("x", slog.Any("settings", s), slog.Any("password", s.Password))
	}
	asJSON, err := json.Marshal(s)
	require.NoError(t, err)
	asYAML, err := yaml.Marshal([]settings{s})
	require.NoError(t, err)
	out.Write(asJSON)
	out.Write(asYAML)
	assert.NotContains(t, out.String(), "horse")
	assert.Contains(t, string(asYAML), "password: (hidden)")
	assert.JSONEq(t, `{"name":"x","password":"(hidden)"}`, string(asJSON))
}

func TestAnEmptySecretIsPrintedAsEmpty(t *testing.T) {
	t.Parallel()
	assert.Empty(t, fmt.Sprint(secret.Text("")))
}

func TestASecretIsReadAsItIs(t *testing.T) {
	t.Parallel()
	var s settings
	require.NoError(t, yaml.Unmarshal([]byte("password: "+password), &s))
	assert.Equal(t, password, string(s.Password))
	assert.False(t, s.Password.Hidden())
	require.NoError(t, yaml.Unmarshal([]byte("password: (hidden)"), &s))
	assert.True(t, s.Password.Hidden(), "what was printed is known for what it is")
}
