package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/auth"
	"github.com/valence-live/valence/internal/config"
)

func files(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", pattern))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	return names
}

func TestGoodFilesAreAccepted(t *testing.T) {
	for _, name := range files(t, "*.good.yml") {
		_, err := config.Load(name, nil)
		assert.NoError(t, err, name)
	}
}

func TestEachMistakeHasItsMessage(t *testing.T) {
	for _, name := range files(t, "*.bad.yml") {
		want, err := os.ReadFile(strings.TrimSuffix(name, ".yml") + ".txt")
		require.NoError(t, err)
		_, err = config.Load(name, nil)
		require.ErrorIs(t, err, config.ErrConfig, name)
		assert.ErrorContains(t, err, strings.TrimSpace(string(want)), name)
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	_, err := config.Load(filepath.Join("testdata", "two-mistakes.bad.yml"), []string{"VALENCE_ALIGN_LATENESS=-1s", "VALENCE_ALIGN_WIDTH=3"})
	require.Error(t, err)
	for _, part := range []string{"align.hop", "log.level", "lateness", "VALENCE_ALIGN_WIDTH"} {
		assert.ErrorContains(t, err, part)
	}
}

func TestTheEnvironmentGoesOverTheFile(t *testing.T) {
	c, err := config.Load(filepath.Join("testdata", "full.good.yml"), []string{"VALENCE_ALIGN_WINDOW=7s", "VALENCE_CACHE=/tmp", "PATH=/bin"})
	require.NoError(t, err)
	assert.Equal(t, 7*time.Second, c.Align.Window)
	assert.Equal(t, 500*time.Millisecond, c.Align.Hop, "from the file")
	assert.Equal(t, config.Default().Align.Idle, c.Align.Idle, "the default")
}

func TestTheEffectiveConfigurationReadsBackAsItself(t *testing.T) {
	c, err := config.Load(filepath.Join("testdata", "full.good.yml"), nil)
	require.NoError(t, err)
	text, err := c.YAML()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "printed.yml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	again, err := config.Load(file, nil)
	require.NoError(t, err)
	assert.Equal(t, c, again)
}

func TestAMissingFileIsAnErrorThatNamesIt(t *testing.T) {
	_, err := config.Load("nowhere.yml", nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "nowhere.yml")
}

func FuzzLoadNeverPanics(f *testing.F) {
	f.Add("align: {window: 8s}")
	f.Add("align:\n  hop: [1, 2]\n---\nlog: ~")
	f.Add("? [a]\n: b")
	f.Add("a: &x {b: *x}")
	f.Fuzz(func(t *testing.T, document string) {
		file := filepath.Join(t.TempDir(), "c.yml")
		require.NoError(t, os.WriteFile(file, []byte(document), 0o600))
		c, err := config.Load(file, nil)
		if err == nil {
			assert.NoError(t, c.Validate())
		}
	})
}

func TestAListMayBeWrittenInBlocks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c.yml")
	require.NoError(t, os.WriteFile(name, []byte("server:\n  tokens:\n    - token: abcdefghijklmnop\n      scopes: [read]\n    - token_file: f\n      scopes:\n        - publish\n        - admin\n      session: call\n  cors_origins:\n  - https://a.example\n  - https://b.example\n"), 0o600))
	c, err := config.Load(name, nil)
	require.NoError(t, err)
	assert.Equal(t, []auth.Token{
		{Token: "abcdefghijklmnop", Scopes: []auth.Scope{auth.Read}},
		{TokenFile: "f", Scopes: []auth.Scope{auth.Publish, auth.Admin}, Session: "call"},
	}, c.Server.Tokens)
	assert.Equal(t, []string{"https://a.example", "https://b.example"}, c.Server.CORSOrigins)

	c, err = config.Load("", []string{"VALENCE_SERVER_TOKENS=[{token: abcdefghijklmnop, scopes: [read]}]"})
	require.NoError(t, err)
	assert.Len(t, c.Server.Tokens, 1)
	printed, err := c.YAML()
	require.NoError(t, err)
	assert.NotContains(t, string(printed), "abcdefghijklmnop")
}

func TestAKeyThatNoItemOfAListHasIsAMistake(t *testing.T) {
	for _, text := range []string{
		"VALENCE_INGEST_WEBRTC_PULL=[{url: http://x/whep, session: s, participant: p, token: abcdefghijklmnop, purpos: workplace}]",
		"VALENCE_INGEST_WEBRTC_ICE_SERVERS=[{urls: ['turn:x:1'], username: u, credential: abcdefghijklmnop, pasword: x}]",
	} {
		_, err := config.Load("", []string{text})
		require.ErrorIs(t, err, config.ErrConfig, text)
		require.ErrorContains(t, err, "unknown field", text)
		assert.NotContains(t, err.Error(), "abcdefghijklmnop")
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	c, err := config.Load("", []string{
		"VALENCE_INGEST_WEBRTC_PULL=[{url: http://x/whep, session: s, participant: p, token: abcdefghijklmnop}]",
		"VALENCE_INGEST_WEBRTC_ICE_SERVERS=[{urls: ['turn:x:1'], username: u, credential: 'abcdefghijklmnop \"#'}]",
		"VALENCE_SERVER_TOKENS=[{token: abcdefghijklmnop, scopes: [read]}]",
	})
	require.NoError(t, err)
	assert.Equal(t, `abcdefghijklmnop "#`, string(c.Ingest.WebRTC.ICEServers[0].Credential))
	printed, err := c.YAML()
	require.NoError(t, err)
	assert.NotContains(t, string(printed), "abcdefghijklmnop")
	assert.Equal(t, 3, strings.Count(string(printed), "(hidden)"))
}

func TestAMistakeInATokenDoesNotTellTheToken(t *testing.T) {
	for _, text := range []string{"[{token: abcdefghijklmnop, scopes: [read], sesion: call}]", "[abcdefghijklmnop]", "abcdefghijklmnop", "{token: abcdefghijklmnop}"} {
		_, err := config.Load("", []string{"VALENCE_SERVER_TOKENS=" + text})
		require.ErrorIs(t, err, config.ErrConfig, text)
		assert.NotContains(t, err.Error(), "abcdefghijklmnop")
	}
}
