package webrtc_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/valence-live/valence/ingest"
	"github.com/valence-live/valence/ingest/webrtc"
	"github.com/valence-live/valence/ingest/webrtc/webrtctest"
	"github.com/valence-live/valence/internal/telemetry"
)

func TestEverySettingThatCannotBeUsedIsReported(t *testing.T) {
	t.Parallel()
	require.NoError(t, webrtc.Default().Validate())
	cfg := webrtc.Config{
		UDP: "localhost:1", TCP: "nowhere", PublicAddresses: []string{"example.org"},
		ICEServers: []webrtc.ICEServer{
			{},
			{URLs: []string{"http://x", "stun:"}},
			{URLs: []string{"turn:x:1"}},
			{URLs: []string{"turn:x>:1"}, Username: "u\n", Credential: "c"},
		},
		MaxSDP: 1, MaxCandidates: -1, MaxMessage: 1 << 30, MaxMessages: 0, Connect: time.Hour, Idle: -1, Lost: 0,
		Pull: []webrtc.Pull{{URL: "x"}},
	}
	cfg.Receive.AudioDelay = -1
	err := cfg.Validate()
	require.ErrorIs(t, err, webrtc.ErrConfig)
	for _, key := range []string{
		"udp", "tcp", "public_addresses", "ice_servers: one has no urls", `"http://x"`, `"stun:"`, "needs a username", `"turn:x>:1"`, "cannot hold",
		"max_connections", "max_per_address", "max_sdp", "max_candidates", "max_message ", "max_messages", "connect", "idle", "lost", "audio_delay", "pull, number 1",
	} {
		assert.Contains(t, err.Error(), key)
	}
	empty := webrtc.Default()
	empty.UDP = ""
	require.ErrorContains(t, empty.Validate(), "no way in")
	_, err = webrtc.New(cfg, newSeating(), telemetry.Nop())
	require.ErrorIs(t, err, webrtc.ErrConfig)
}

func TestMediaComesInOnEveryKindOfPort(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ udp, tcp, want string }{
		"IPv4":           {udp: "127.0.0.1:0", want: "127.0.0.1"},
		"IPv6":           {udp: "[::1]:0", want: "::1"},
		"every address":  {udp: ":0", want: "127.0.0.1"},
		"every IPv4":     {udp: "0.0.0.0:0", want: "127.0.0.1"},
		"TCP":            {tcp: "127.0.0.1:0", want: "127.0.0.1"},
		"TCP everywhere": {tcp: ":0", want: "::"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if l, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "[::1]:0"); err != nil && strings.Contains(c.udp+c.want, "::") {
				t.Skip("this machine has no IPv6")
			} else if err == nil {
				require.NoError(t, l.Close())
			}
			cfg := loopback()
			cfg.UDP, cfg.TCP = c.udp, c.tcp
			b := serve(t, cfg)
			var hosts []string
			ports := map[string]bool{}
			for _, a := range b.gateway.Addrs() {
				host, port, err := net.SplitHostPort(a.String())
				require.NoError(t, err)
				hosts, ports[port] = append(hosts, host), true
			}
			assert.Contains(t, hosts, c.want)
			assert.Len(t, ports, 1, "one port, whatever the address")
			b.publish(t, "call/alice", webrtctest.Options{Loop: true, File: talk, Consent: all})
			b.media(t, "call/alice", 5)
		})
	}
}

func TestASettingThatWasHiddenWhenItWasPrintedIsNoSecret(t *testing.T) {
	t.Parallel()
	cfg := webrtc.Default()
	cfg.ICEServers = []webrtc.ICEServer{{URLs: []string{"turn:x:1"}, Username: "u", Credential: "a password"}}
	cfg.Pull = []webrtc.Pull{{URL: "http://x/whep", Session: "call", Participant: "alice", Token: "a-token"}}
	require.NoError(t, cfg.Validate())
	assert.NotContains(t, fmt.Sprintf("%v %+v", cfg, cfg), "a password")
	assert.NotContains(t, fmt.Sprintf("%v %+v", cfg, cfg), "a-token")
	cfg.ICEServers[0].Credential, cfg.Pull[0].Token = "(hidden)", "(hidden)"
	require.ErrorContains(t, cfg.Validate(), "give the credential itself")
	require.ErrorContains(t, cfg.Validate(), "give the token itself")
}

func TestAPortThatIsTakenIsAnError(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	cfg := loopback()
	cfg.UDP = b.gateway.Addrs()[0].String()
	second, err := webrtc.New(cfg, newSeating(), telemetry.Nop())
	require.NoError(t, err)
	require.ErrorContains(t, second.Start(t.Context()), "set ingest.webrtc.udp to another", "what to do")
	require.NoError(t, second.Shutdown(t.Context()))
	require.ErrorIs(t, b.gateway.Start(t.Context()), webrtc.ErrState)
}

func TestTwoParticipantsOfOneCallShareThePort(t *testing.T) {
	t.Parallel()
	b := serve(t, loopback())
	require.Len(t, b.gateway.Addrs(), 1)
	for _, who := range []string{"call/alice", "call/bob", "other/alice"} {
		b.publish(t, who, webrtctest.Options{Loop: true, File: talk, Consent: all})
	}
	for _, who := range []string{"call/alice", "call/bob", "other/alice"} {
		g := b.media(t, who, 5)
		require.Equal(t, who, g.Track(ingest.Audio).Participant.Session()+"/"+g.Track(ingest.Audio).Participant.ID())
	}
	require.Equal(t, 3, b.gateway.Stats().Publishers)
}
