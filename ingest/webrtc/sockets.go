package webrtc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	pion "github.com/pion/webrtc/v4"
)

// receiveBuffer is what the kernel keeps of one UDP port, in bytes, where it
// allows so much: 200 connections at 1 Mbit/s fill it in 40 ms.
const receiveBuffer = 1 << 20

// tcpPackets is how many packets of one ICE-TCP client may wait.
const tcpPackets = 64

// sockets are the ports that all connections share.
type sockets struct {
	udp ice.UDPMux
	tcp ice.TCPMux
	at  []net.Addr // what is listened on
}

// openSockets opens the ports. On an error none is left open.
func openSockets(ctx context.Context, cfg Config, logs logging.LoggerFactory) (*sockets, error) {
	s := &sockets{}
	err := s.open(ctx, cfg, logs)
	if err != nil {
		err = errors.Join(err, s.Close())
	}
	return s, err
}

func (s *sockets) open(ctx context.Context, cfg Config, logs logging.LoggerFactory) error {
	if cfg.UDP != "" {
		if err := s.openUDP(ctx, cfg.UDP, logs); err != nil {
			return portError("udp", err)
		}
	}
	if cfg.TCP != "" {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.TCP)
		if err != nil {
			return portError("tcp", err)
		}
		s.tcp = pion.NewICETCPMux(logs.NewLogger("ice-tcp"), listener, tcpPackets)
		s.at = append(s.at, listener.Addr())
	}
	return nil
}

// portError says which port could not be opened and, if somebody else has it,
// how to take another.
func portError(which string, err error) error {
	key := "ingest.webrtc." + which
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: %w; another program has the port, perhaps another valence: set %s to another, such as \"127.0.0.1:0\" for one that is free", key, err, key)
	}
	return fmt.Errorf("%s: %w", key, err)
}

// openUDP opens one socket for each address: a socket on the unspecified
// address would answer from whichever address the kernel likes, and ICE drops
// an answer that comes from elsewhere (RFC 8445, 7.2.5.2.1).
func (s *sockets) openUDP(ctx context.Context, address string, logs logging.LoggerFactory) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	hosts := []string{host}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if hosts, err = ownAddresses(ip); err != nil {
			return err
		}
	}
	var muxes []ice.UDPMux
	for _, host := range hosts {
		conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", net.JoinHostPort(host, port))
		if err != nil {
			return errors.Join(err, ice.NewMultiUDPMuxDefault(muxes...).Close())
		}
		if udp, ok := conn.(*net.UDPConn); ok {
			_ = udp.SetReadBuffer(receiveBuffer) // the kernel may allow less
		}
		if at, ok := conn.LocalAddr().(*net.UDPAddr); ok && port == "0" {
			port = strconv.Itoa(at.Port) // the same for all
		}
		muxes = append(muxes, pion.NewICEUDPMux(logs.NewLogger("ice-udp"), conn))
		s.at = append(s.at, conn.LocalAddr())
	}
	s.udp = ice.NewMultiUDPMuxDefault(muxes...)
	return nil
}

// ownAddresses lists the machine's addresses, of one family where ip is the
// unspecified address of IPv4. Link-local ones need a zone, which SDP cannot
// carry.
func ownAddresses(ip net.IP) ([]string, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list the addresses of this machine: %w", err)
	}
	var out []string
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || prefix.Addr().IsLinkLocalUnicast() || ip.To4() != nil && !prefix.Addr().Is4() {
			continue
		}
		out = append(out, prefix.Addr().String())
	}
	if len(out) == 0 {
		return nil, errors.New("this machine has no address to listen on")
	}
	return out, nil
}

// tcpAddress reports whether candidates for ICE-TCP may name the address: only
// where the port is open on it.
func (s *sockets) tcpAddress(ip net.IP) bool {
	for _, a := range s.at {
		if tcp, ok := a.(*net.TCPAddr); ok && (tcp.IP.IsUnspecified() || tcp.IP.Equal(ip)) {
			return true
		}
	}
	return false
}

// Close closes the ports.
func (s *sockets) Close() error {
	var errs []error
	if s.udp != nil {
		errs = append(errs, s.udp.Close())
	}
	if s.tcp != nil {
		errs = append(errs, s.tcp.Close())
	}
	return errors.Join(errs...)
}
