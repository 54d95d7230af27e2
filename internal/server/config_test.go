package server_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/internal/auth"
	"github.com/valence-live/valence/internal/server"
)

func TestWithoutTokensOnlyThisMachineIsServed(t *testing.T) {
	for listen, alone := range map[string]bool{
		"127.0.0.1:8080": true, "127.1.2.3:0": true, "[::1]:80": true, "localhost:8080": true, "x.localhost:1": true, "[::ffff:127.0.0.1]:80": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.0.2.1:80": false, "example.com:80": false, "localhost.example.com:80": false,
	} {
		cfg := server.Default()
		cfg.Listen = listen
		err := cfg.Validate()
		if alone {
			require.NoError(t, err, listen)
			continue
		}
		require.ErrorIs(t, err, server.ErrConfig, listen)
		require.ErrorContains(t, err, "no token is known: set server.tokens (or server.jwks_file, issuer and audience), or listen on 127.0.0.1")
		cfg.Tokens = tokens()
		assert.NoError(t, cfg.Validate(), listen)
		cfg.Tokens, cfg.JWKSFile, cfg.Issuer, cfg.Audience = nil, "keys.json", "i", "a"
		assert.NoError(t, cfg.Validate(), listen)
	}
}

func TestSettingsThatCannotBeUsedAreAllReported(t *testing.T) {
	_, err := server.New(server.Config{
		Listen: "8080", TLSCert: "c", Tokens: []auth.Token{{}}, CORSOrigins: []string{"app.example.com", "https://a.example/path", "https://a.example; script-src *"},
		FrameAncestors: []string{"*"}, MaxBody: 1, PostRate: -1, ReadHeaderTimeout: -time.Second,
	}, server.Deps{}, nop())
	require.ErrorIs(t, err, server.ErrConfig)
	require.ErrorIs(t, err, auth.ErrConfig)
	for _, message := range []string{
		`server.listen is "8080", it must be an address and a port such as 127.0.0.1:8080`,
		"server.tls_cert and tls_key need each other",
		"server.tokens, number 1: it has neither a token nor a token_file",
		`server.cors_origins has "app.example.com", which is no origin such as https://app.example.com`,
		`server.cors_origins has "https://a.example/path"`,
		`server.cors_origins has "https://a.example; script-src *"`,
		`server.frame_ancestors has "*"`,
		"server.max_body is 1, it must be 4096 to 16777216",
		"server.post_rate is -1, it must be 0 to 1000000",
		"server.read_header_timeout is -1s, it must be 100ms to 1h",
		"server.idle_timeout is 0s",
	} {
		require.ErrorContains(t, err, message)
	}
	cfg := server.Default()
	cfg.CORSOrigins = []string{"*"}
	require.ErrorContains(t, cfg.Validate(), `server.cors_origins has "*", every site, which needs tokens`)
	cfg.Tokens = tokens()
	require.NoError(t, cfg.Validate())
}

func TestFilesThatAreNotThereAreNamed(t *testing.T) {
	cfg := server.Default()
	cfg.TLSCert, cfg.TLSKey = "/nowhere/cert.pem", "/nowhere/key.pem"
	_, err := server.New(cfg, server.Deps{}, nop())
	require.ErrorIs(t, err, server.ErrConfig)
	require.ErrorContains(t, err, "/nowhere/cert.pem")
	cfg = guarded()
	cfg.Tokens[0] = auth.Token{TokenFile: "/nowhere/token", Scopes: []auth.Scope{auth.Read}}
	_, err = server.New(cfg, server.Deps{}, nop())
	require.ErrorContains(t, err, "/nowhere/token")
}
