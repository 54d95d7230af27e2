package webrtc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	pion "github.com/pion/webrtc/v4"

	"github.com/valence-live/valence/ingest/webrtc/receive"
	"github.com/valence-live/valence/internal/secret"
)

// ErrConfig says that a setting cannot be used.
var ErrConfig = errors.New("unusable WebRTC setting")

// Config says where media comes in, who may be asked to help it through, and
// how much is taken.
type Config struct {
	// UDP is the address of the one port on which the media of all connections comes in. Without a host (":8189") it is
	// opened on every address of the machine, IPv4 and IPv6; port 0 takes a free one; empty takes no media over UDP.
	UDP string `yaml:"udp"`
	// TCP is the address of a port for clients whose network lets no UDP through (ICE-TCP); empty takes none.
	TCP string `yaml:"tcp"`
	// PublicAddresses are IP addresses under which clients reach the two ports where the machine does not know them itself:
	// behind a NAT, in a container, in a cloud. They are offered besides the machine's own.
	PublicAddresses []string `yaml:"public_addresses"`
	// ICEServers are STUN and TURN servers, for this program and, in the Link headers of an answer, for its clients. None
	// is needed where clients reach the ports directly.
	ICEServers []ICEServer `yaml:"ice_servers"`
	// MaxConnections is how many publishers are taken at once; one more gets 503.
	MaxConnections int `yaml:"max_connections"`
	// MaxPerAddress is how many of them may come from one IPv4 address or one IPv6 /64; one more gets 429. A proxy in front
	// makes all clients look like one.
	MaxPerAddress int `yaml:"max_per_address"`
	// MaxSDP is the size of the largest offer or fragment, in bytes: a browser's offer has 3 to 10 kB.
	MaxSDP int `yaml:"max_sdp"`
	// MaxCandidates is how many ICE candidates a client may name, until its next ICE restart.
	MaxCandidates int `yaml:"max_candidates"`
	// MaxMessage is the size of the largest message on the data channel, in bytes.
	MaxMessage int `yaml:"max_message"`
	// MaxMessages is how many messages a second a data channel takes; what is above is dropped and answered by a problem.
	MaxMessages int `yaml:"max_messages"`
	// Connect is how long a client may take from its offer to the first connection.
	Connect time.Duration `yaml:"connect"`
	// Idle is how long a connection may bring neither media nor a message. A muted track still brings some.
	Idle time.Duration `yaml:"idle"`
	// Lost is how long the network may be gone before a connection is given up.
	Lost time.Duration `yaml:"lost"`
	// Receive says how long packets are waited for.
	Receive receive.Config `yaml:"receive"`
	// Pull lists the participants whose media this program fetches from another server by WHEP, each {url, session,
	// participant, token, consent: [text, audio, video], purpose}.
	Pull []Pull `yaml:"pull"`
}

// ICEServer is a STUN or TURN server.
type ICEServer struct {
	// URLs are those of RFC 7064 and 7065: stun:host:port, turn:host:port?transport=udp, turns:host:port.
	URLs []string `yaml:"urls"`
	// Username and Credential are what a TURN server asks for. Each client is told them.
	Username   string      `yaml:"username"`
	Credential secret.Text `yaml:"credential"`
}

// Default returns settings for clients on the same machine.
func Default() Config {
	return Config{
		UDP:            "127.0.0.1:8189",
		MaxConnections: 200,
		MaxPerAddress:  32,
		MaxSDP:         64 << 10,
		MaxCandidates:  64,
		MaxMessage:     64 << 10,
		MaxMessages:    20,
		Connect:        15 * time.Second,
		Idle:           time.Minute,
		Lost:           15 * time.Second,
		Receive:        receive.Default(),
	}
}

// Validate reports every setting that cannot be used, each wrapping ErrConfig.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%w: ingest.webrtc.%s", ErrConfig, fmt.Sprintf(format, args...)))
		}
	}
	count := func(key string, n, low, high int) {
		check(low <= n && n <= high, "%s is %d, it must be %d to %d", key, n, low, high)
	}
	within := func(key string, d, low, high time.Duration) {
		check(low <= d && d <= high, "%s is %s, it must be %s to %s", key, d, low, high)
	}
	check(c.UDP != "" || c.TCP != "", "udp and tcp are both empty: media has no way in; set udp, for example to \":8189\"")
	check(c.UDP == "" || listenable(c.UDP), "udp is %q, it must be an IP address, or nothing, and a port: \"127.0.0.1:8189\", \":8189\"", c.UDP)
	check(c.TCP == "" || listenable(c.TCP), "tcp is %q, it must be an IP address, or nothing, and a port: \":8189\"", c.TCP)
	for _, a := range c.PublicAddresses {
		_, err := netip.ParseAddr(a)
		check(err == nil, "public_addresses has %q, which is not an IP address", a)
	}
	for _, s := range c.ICEServers {
		for _, problem := range s.problems() {
			check(false, "ice_servers: %s", problem)
		}
	}
	count("max_connections", c.MaxConnections, 1, 100_000)
	count("max_per_address", c.MaxPerAddress, 1, 100_000)
	count("max_sdp", c.MaxSDP, 1<<10, 1<<20)
	count("max_candidates", c.MaxCandidates, 0, 1000)
	count("max_message", c.MaxMessage, 1<<10, maxSCTPMessage)
	count("max_messages", c.MaxMessages, 1, 1000)
	within("connect", c.Connect, time.Second, 5*time.Minute)
	within("idle", c.Idle, time.Second, 24*time.Hour)
	within("lost", c.Lost, time.Second, 10*time.Minute)
	errs = append(errs, c.Receive.Validate())
	for i, p := range c.Pull {
		if err := p.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%w: ingest.webrtc.pull, number %d: %w", ErrConfig, i+1, err))
		}
	}
	return errors.Join(errs...)
}

// listenable reports whether an address is a port, with or without an IP
// address before it.
func listenable(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil && (host == "" || net.ParseIP(host) != nil)
}

func (s ICEServer) problems() []string {
	var out []string
	if len(s.URLs) == 0 {
		out = append(out, "one has no urls")
	}
	for _, u := range s.URLs {
		scheme, rest, _ := strings.Cut(u, ":")
		switch scheme {
		case "stun", "stuns":
		case "turn", "turns":
			if s.Username == "" || s.Credential == "" {
				out = append(out, fmt.Sprintf("%q needs a username and a credential", u))
			}
		default:
			rest = ""
		}
		if rest == "" || strings.ContainsAny(u, "<>\" \t\r\n") {
			out = append(out, fmt.Sprintf("%q is not a URL such as stun:host:3478 or turn:host:3478?transport=udp", u))
		}
	}
	if strings.ContainsFunc(s.Username+string(s.Credential), func(r rune) bool { return r < ' ' || r > '~' }) {
		out = append(out, "a username or credential has characters that a header cannot hold")
	}
	if s.Credential.Hidden() {
		out = append(out, fmt.Sprintf("a credential is %s, as a printed configuration shows it; give the credential itself", s.Credential))
	}
	return out
}

// configuration is that of a new connection.
func (c Config) configuration() pion.Configuration {
	out := pion.Configuration{BundlePolicy: pion.BundlePolicyMaxBundle}
	for _, s := range c.ICEServers {
		out.ICEServers = append(out.ICEServers, pion.ICEServer{URLs: s.URLs, Username: s.Username, Credential: string(s.Credential)})
	}
	return out
}
